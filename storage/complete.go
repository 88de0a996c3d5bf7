package storage

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// pinnedParts is how many parts of an artifact are asked for their versions.
	// More are pinned by their ETag alone.
	pinnedParts = 64
	// besideMost bounds the names looked through for checksum files.
	besideMost = 1000
)

// complete asks for what a listing does not say about a: versions, checksums and
// metadata of its parts, and the checksum files beside it. gone means that a part was
// deleted meanwhile.
func complete(ctx context.Context, src Source, a *Artifact) (gone bool, err error) {
	if a.Kind != Directory && len(a.Parts) <= pinnedParts {
		for i := range a.Parts {
			o, err := src.Stat(ctx, a.Parts[i].Key)
			if errors.Is(err, ErrNotFound) {
				return true, nil
			}
			if err != nil {
				return false, err // it names operation, source and key
			}
			a.Parts[i] = o
		}
	}
	sums, err := beside(ctx, src, *a)
	if err != nil {
		return false, err
	}
	a.Sidecars = append(a.Sidecars, sums...)
	return false, nil
}

// beside finds the checksum files of a that lie next to it.
func beside(ctx context.Context, src Source, a Artifact) ([]Object, error) {
	key := strings.TrimSuffix(a.Key, "/")
	folder := folderOf(key)
	var found []Object
	for _, prefix := range []string{key + ".", folder + "SHA", folder + "MD5", folder + "sha", folder + "md5"} {
		seen := 0
		for o, err := range src.List(ctx, prefix) {
			if err != nil {
				return nil, fmt.Errorf("list checksum files of %s: %w", a.Key, err)
			}
			if isSidecar(o.Key) && folderOf(o.Key) == folder && aboutName(path.Base(o.Key), a) {
				found = append(found, o)
			}
			if seen++; seen == besideMost {
				break
			}
		}
	}
	return found, nil
}

// aboutName reports whether a checksum file of that name may be about a: it is named
// for it or for one of its parts, or it is a list of many.
func aboutName(name string, a Artifact) bool {
	of := name[:sidecarName.FindStringIndex(name)[0]]
	return of == "" || of == path.Base(a.Key) ||
		slices.ContainsFunc(a.Parts, func(p Object) bool { return path.Base(p.Key) == of })
}

// timeInMetadata reads when a backup was made from what its uploader stored with it.
func timeInMetadata(metadata map[string]string, now time.Time) (time.Time, bool) {
	for _, name := range []string{"made-at", "mtime"} {
		text := metadata[name]
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			sec, err := strconv.ParseFloat(text, 64) // rclone writes seconds since 1970
			if err != nil || !(math.Abs(sec) < 1e11) {
				continue
			}
			at = time.Unix(int64(sec), 0)
		}
		if at.Year() > 1980 && at.Before(now.Add(24*time.Hour)) {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

// Pick makes the artifact of one key given by a person: an object, the name of a split
// file with or without the ending of a part, or a directory with or without its closing
// slash. ErrNotFound when there is none. The result is complete as Locate's newest is.
func Pick(ctx context.Context, src Source, key string) (Artifact, error) {
	a, err := pick(ctx, src, key)
	if err != nil {
		return Artifact{}, fmt.Errorf("pick %s of %s: %w", key, src.Name(), err)
	}
	a.Source = src.Name()
	gone, err := complete(ctx, src, &a)
	switch {
	case err != nil:
		return Artifact{}, fmt.Errorf("pick %s of %s: %w", key, src.Name(), err)
	case gone:
		return Artifact{}, fmt.Errorf("pick %s of %s: deleted meanwhile: %w", key, src.Name(), ErrNotFound)
	}
	last := stored(a.Parts)
	a.MadeAt, a.MadeAtFrom = last, fromUpload
	if t, ok := timeInKey(a.Key, last); ok {
		a.MadeAt, a.MadeAtFrom = t.settleTime(last), fromName
	} else if t, ok := timeInMetadata(a.Parts[0].Metadata, last); ok {
		a.MadeAt, a.MadeAtFrom = t, fromMetadata
	}
	return a, nil
}

func pick(ctx context.Context, src Source, key string) (Artifact, error) {
	if key == "" {
		return Artifact{}, ErrNotFound
	}
	if !strings.HasSuffix(key, "/") {
		o, err := src.Stat(ctx, key)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return Artifact{}, err
		}
		if a, ok, err := pickSplit(ctx, src, key); err != nil || ok {
			return a, err
		}
		if o.Key != "" {
			return Artifact{Key: key, Kind: Single, Parts: []Object{o}}, nil
		}
	}
	return pickDirectory(ctx, src, strings.TrimSuffix(key, "/")+"/")
}

// pickSplit collects the split file that key names, or is a part of.
func pickSplit(ctx context.Context, src Source, key string) (Artifact, bool, error) {
	groups := make(map[style]*group)
	base, _, only, isPart := piece(key)
	if !isPart {
		base = key
	}
	for o, err := range src.List(ctx, base) {
		if err != nil {
			return Artifact{}, false, err
		}
		of, _, how, ok := piece(o.Key)
		switch {
		case o.Key == key && !isPart:
			return Artifact{}, false, nil // a whole object of that name
		case !ok || of != base || isPart && how != only:
			if len(o.Key) > len(base) && !strings.ContainsRune(".-", rune(o.Key[len(base)])) {
				continue
			}
		case groups[how] == nil:
			groups[how] = &group{base: base, how: how, parts: []Object{o}}
		default:
			groups[how].parts = append(groups[how].parts, o)
		}
	}
	for _, how := range []style{named, lettered, numbered} {
		if g := groups[how]; g != nil {
			if a, ok := g.split(); ok {
				return a, true, nil
			}
		}
	}
	return Artifact{}, false, nil
}

// pickDirectory collects everything below dir.
func pickDirectory(ctx context.Context, src Source, dir string) (Artifact, error) {
	g := group{base: dir, dir: true}
	for o, err := range src.List(ctx, dir) {
		switch {
		case err != nil:
			return Artifact{}, err
		case strings.HasSuffix(o.Key, "/"):
		case isSidecar(o.Key):
			g.sums = append(g.sums, o)
		default:
			g.parts = append(g.parts, o)
		}
	}
	if len(g.parts) == 0 {
		return Artifact{}, ErrNotFound
	}
	return g.directory(), nil
}
