package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"lifeboat/internal/units"
	"lifeboat/storage"
	"lifeboat/verify"
)

// absentError says that no whole backup was found. It is a fact about the backups.
type absentError struct {
	pattern    string
	near       []string
	listed     int
	unfinished *storage.Artifact // the newest unfinished one, when there are any
}

func (e *absentError) Error() string {
	text := "nothing matches " + e.pattern
	if e.listed > 0 {
		text += " among " + units.Counted(int64(e.listed), "object")
	}
	if len(e.near) > 0 {
		text += "; the nearest names are " + strings.Join(e.near, ", ")
	}
	return text
}

// choose takes the newest whole backup, or the one asked for by key, and writes down
// the candidates considered.
func (r *run) choose(ctx context.Context, src storage.Source) (storage.Artifact, error) {
	if r.job.Backup != "" {
		art, err := storage.Pick(ctx, src, r.job.Backup)
		if errors.Is(err, storage.ErrNotFound) && r.again { // it was there: retention removed it, which is no fault of the backups
			return storage.Artifact{}, fmt.Errorf("look for %s a second time: %w", r.job.Backup, err)
		}
		if errors.Is(err, storage.ErrNotFound) {
			return storage.Artifact{}, &absentError{pattern: r.job.Backup}
		}
		if err != nil {
			return storage.Artifact{}, fmt.Errorf("look for %s: %w", r.job.Backup, err)
		}
		return art, archived(art)
	}
	found, err := storage.Locate(ctx, src, storage.Query{
		Pattern: r.job.Pattern, Marker: r.job.Marker, Now: r.rep.Started,
	})
	if err != nil {
		return storage.Artifact{}, fmt.Errorf("look for backups of %s: %w", r.job.Target.Name, err)
	}
	r.rep.NotChecked = append(r.rep.NotChecked, found.NotChecked...)
	newest, whole := found.Newest()
	for _, a := range found.Artifacts {
		c := verify.Candidate{Key: a.Key, MadeAt: a.MadeAt, Bytes: a.Bytes(), Reason: a.Unfinished}
		if a.Unfinished == "" && a.Key != newest.Key {
			c.Reason = "older"
		}
		r.rep.Candidates = append(r.rep.Candidates, c)
	}
	if !whole {
		absent := &absentError{pattern: r.job.Pattern.String(), near: found.Near, listed: found.Listed}
		if len(found.Artifacts) > 0 {
			absent.unfinished = &found.Artifacts[0]
		}
		return storage.Artifact{}, absent
	}
	return newest, archived(newest)
}

// archived refuses an artifact of which a part has to be thawed first.
func archived(a storage.Artifact) error {
	for _, p := range a.Parts {
		if p.Archived {
			return fmt.Errorf("%s (storage class %s): %w", p.Key, p.Class, storage.ErrArchived)
		}
	}
	return nil
}
