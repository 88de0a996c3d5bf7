package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Sum is a checksum that somebody stored for bytes of an artifact.
type Sum struct {
	Origin    string // where it stands: the key of the checksum file, or "storage"
	Algorithm string // "md5", "sha1", "sha224", "sha256", "sha384", "sha512", or as Object.Checksums names it
	// Key is what it is the sum of: a part of the artifact, or the artifact's own key
	// for the whole stream of a split file.
	Key string
	Hex string // lower case
}

// storedWithObject is the Origin of checksums that the storage itself keeps.
const storedWithObject = "storage"

// maxSidecar bounds how much of a checksum file is read.
const maxSidecar = 1 << 20

// ReadSidecars reads the checksum files of a and returns the sums that are about a or
// its parts, together with those the storage keeps. Lines it cannot read and sums of
// other files are left out. ErrTooLarge for a checksum file over 1 MiB.
func ReadSidecars(ctx context.Context, src Source, a Artifact) ([]Sum, error) {
	var sums []Sum
	for _, o := range a.Sidecars {
		text, err := readSmall(ctx, src, o)
		if errors.Is(err, ErrNotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("read checksum file %s of %s: %w", o.Key, src.Name(), err)
		}
		sums = append(sums, parseSums(text, o.Key, a)...)
	}
	for _, p := range a.Parts {
		for _, algorithm := range sortedKeys(p.Checksums) {
			sums = append(sums, Sum{storedWithObject, algorithm, p.Key, strings.ToLower(p.Checksums[algorithm])})
		}
	}
	return sums, nil
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func readSmall(ctx context.Context, src Source, o Object) (string, error) {
	if o.Size > maxSidecar {
		return "", ErrTooLarge
	}
	r := NewReader(ctx, src, []Object{o}, ReadOptions{Streams: 1})
	defer r.Close()
	text, err := io.ReadAll(r)
	return string(text), err
}

var (
	gnuLine  = regexp.MustCompile(`^\\?([0-9A-Fa-f]{32,128})(?: [ *](.+))?$`)
	bsdLine  = regexp.MustCompile(`^([A-Za-z0-9-]+) ?\((.+)\) ?= ?([0-9A-Fa-f]{32,128})$`)
	hexSizes = map[int]string{32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}
)

// parseSums reads the text of a checksum file: lines of coreutils ("hash  name"), of
// BSD ("SHA256 (name) = hash"), or a hash alone, which is about the file that the
// checksum file is named for.
func parseSums(text, origin string, a Artifact) []Sum {
	var sums []Sum
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		line = strings.TrimSpace(line)
		var hash, name, said string
		if m := gnuLine.FindStringSubmatch(line); m != nil {
			hash, name = m[1], m[2]
		} else if m := bsdLine.FindStringSubmatch(line); m != nil {
			said, name, hash = strings.ToLower(m[1]), m[2], m[3]
			said = strings.ReplaceAll(strings.Replace(said, "sha2-", "sha", 1), "-", "") // SHA2-256, as openssl writes it
		} else {
			continue
		}
		if name == "" {
			name = strings.TrimSuffix(origin, path.Base(origin)[max(0, sidecarAt(origin)):])
		}
		algorithm := hexSizes[len(hash)]
		if key, ok := subject(name, origin, a); ok && algorithm != "" && (said == "" || said == algorithm) {
			sums = append(sums, Sum{origin, algorithm, key, strings.ToLower(hash)})
		}
	}
	return sums
}

// sidecarAt is where the ending of a checksum file begins in its base name.
func sidecarAt(key string) int {
	if at := sidecarName.FindStringIndex(path.Base(key)); at != nil {
		return at[0]
	}
	return len(path.Base(key))
}

// subject finds the part of a that name means: by its path inside a directory, else by
// its last part. Two files of one name leave it open.
func subject(name, origin string, a Artifact) (key string, ok bool) {
	name = strings.ReplaceAll(name, `\`, "/")
	beside := path.Join(path.Dir(origin), name)
	base := path.Base(name)
	found := 0
	for _, p := range a.Parts {
		if p.Key == beside {
			return p.Key, true
		}
		if path.Base(p.Key) == base {
			key = p.Key
			found++
		}
	}
	if found == 0 && a.Kind == Split && path.Base(a.Key) == base {
		return a.Key, true
	}
	return key, found == 1
}
