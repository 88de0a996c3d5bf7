package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifeboat/internal/units"
)

// Query says which backups of a source are meant.
type Query struct {
	Pattern Pattern
	// Marker is the name a backup job gives to the file it writes last: appended to
	// the key of an artifact, or a file inside of a directory. An artifact without
	// its marker is unfinished. Empty: there are no markers.
	Marker string
	// Settle is how long an object must have been left alone to count as finished.
	// Zero: a growing object is noticed only when it is read, as ErrChanged.
	Settle time.Duration
	Now    time.Time
}

// Located is what was found.
type Located struct {
	// Artifacts are the newest 20, newest first by MadeAt, unfinished ones included.
	Artifacts []Artifact
	// Near are up to five names that come closest to the pattern when nothing matched.
	Near   []string
	Listed int // objects seen
	// NotChecked says what could not be looked at: "unfinished uploads: ...".
	NotChecked []string
}

// Newest is the newest finished artifact; ok is false without one.
func (l Located) Newest() (a Artifact, ok bool) {
	if i := slices.IndexFunc(l.Artifacts, finished); i >= 0 {
		return l.Artifacts[i], true
	}
	return Artifact{}, false
}

func finished(a Artifact) bool { return a.Unfinished == "" }

const (
	keptArtifacts = 20
	// keptObjects bounds the objects of kept artifacts, beyond the newest finished one.
	keptObjects = 20_000
	// askedTimes is how many artifacts without a time in their name are asked for one.
	askedTimes = 5
)

// How Artifact.MadeAtFrom says where a time was read.
const (
	fromName     = "name"
	fromMetadata = "metadata"
	fromUpload   = "upload"
)

// Locate lists src and groups what matches into artifacts. The newest finished one
// comes with its checksum files and with versions and checksums as Stat knows them.
// It holds a page of the listing and the artifacts it keeps, however many there are.
// Finding nothing is no error.
func Locate(ctx context.Context, src Source, q Query) (Located, error) {
	s := sorter{source: src.Name(), query: q, near: nearest{shape: q.Pattern.shape}}
	for o, err := range src.List(ctx, q.Pattern.Prefix()) {
		if err != nil {
			return Located{}, fmt.Errorf("locate %s: %w", q.Pattern, err)
		}
		s.add(o)
	}
	s.closeAll()
	found := Located{Listed: s.listed}
	if note := s.addUploads(ctx, src); note != "" {
		found.NotChecked = append(found.NotChecked, note)
	}
	if err := s.askTimes(ctx, src); err != nil {
		return Located{}, err
	}
	if err := s.complete(ctx, src); err != nil {
		return Located{}, err
	}
	found.Artifacts = s.kept
	if len(found.Artifacts) == 0 {
		if err := s.lookAround(ctx, src); err != nil {
			return Located{}, err
		}
		found.Near = s.near.names()
	}
	return found, nil
}

// addUploads adds uploads begun after the newest artifact was stored and never
// completed. Not every storage knows or shows them: that is noted, no more.
func (s *sorter) addUploads(ctx context.Context, src Source) (notChecked string) {
	lister, ok := src.(UploadLister)
	if !ok {
		return ""
	}
	uploads, err := lister.Uploads(ctx, s.query.Pattern.Prefix())
	if err != nil {
		return "unfinished uploads: the storage does not list them"
	}
	var newest time.Time
	for _, a := range s.kept {
		if t := stored(a.Parts); t.After(newest) {
			newest = t
		}
	}
	for _, o := range uploads {
		if _, ok := s.match(o.Key); ok && !o.Modified.Before(newest.Truncate(time.Second)) {
			s.keep(Artifact{Key: o.Key, Kind: Single, Parts: []Object{o},
				Unfinished: "its upload began at " + o.Modified.UTC().Format(time.RFC3339) + " and was never completed"}, false)
		}
	}
	return ""
}

// askTimes asks the storage when the newest artifacts were made whose names do not say.
func (s *sorter) askTimes(ctx context.Context, src Source) error {
	asked := 0
	for i := range s.kept {
		a := &s.kept[i]
		if a.MadeAtFrom != fromUpload || a.Kind != Single || !finished(*a) || asked == askedTimes {
			continue
		}
		asked++
		o, err := src.Stat(ctx, a.Key)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			continue // the upload time stays; complete looks again at the newest
		}
		if t, ok := timeInMetadata(o.Metadata, s.query.Now); ok {
			a.MadeAt, a.MadeAtFrom = t, fromMetadata
		}
	}
	s.sort()
	return nil
}

// complete fills in what the listing does not say about the newest finished artifact.
// One that was deleted meanwhile is dropped.
func (s *sorter) complete(ctx context.Context, src Source) error {
	for {
		i := slices.IndexFunc(s.kept, finished)
		if i < 0 {
			return nil
		}
		gone, err := complete(ctx, src, &s.kept[i])
		if err != nil {
			return err
		}
		if !gone {
			return nil
		}
		s.kept = slices.Delete(s.kept, i, i+1)
	}
}

// lookAround looks for similar names where the pattern points, and above as far as
// the credentials reach: they may rightly see nothing but the backups.
func (s *sorter) lookAround(ctx context.Context, src Source) error {
	const most = 10_000
	prefix := s.query.Pattern.Prefix()
	for s.near.seen == 0 && prefix != "" {
		prefix = folderOf(strings.TrimSuffix(prefix, "/"))
		for o, err := range src.List(ctx, prefix) {
			if errors.Is(err, ErrDenied) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("look for names like %s: %w", s.query.Pattern, err)
			}
			if !isSidecar(o.Key) {
				s.near.add(o.Key)
			}
			if s.near.seen == most {
				break
			}
		}
	}
	return nil
}

// unsettled says why an artifact stored so recently is not taken for finished.
func (q Query) unsettled(a Artifact) string {
	if age := q.Now.Sub(stored(a.Parts)); q.Settle > 0 && age < q.Settle {
		return fmt.Sprintf("modified %s ago, less than the %s it is given to settle",
			units.Duration(max(0, age)), units.Duration(q.Settle))
	}
	return ""
}

// stored is when the last of parts was written.
func stored(parts []Object) time.Time {
	var last time.Time
	for _, p := range parts {
		if p.Modified.After(last) {
			last = p.Modified
		}
	}
	return last.UTC()
}
