package jobs

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"lifeboat/engine"
	"lifeboat/storage"
	"lifeboat/verify"
)

// dump presents an artifact to an engine with its envelope opened. A metered one is
// read whole, exactly once, and hashes the stored bytes as they pass; without meter
// it serves looks at the head.
type dump struct {
	src      storage.Source
	art      storage.Artifact
	opener   storage.Opener
	meter    *meter // nil for a look at the head
	mu       sync.Mutex
	envelope []string // layers of the file opened first
	pending  []*metered
}

// meter counts and hashes stored bytes.
type meter struct {
	sums     []storage.Sum // checksums stored beside the artifact
	progress func(n int64)
	read     atomic.Int64
	mu       sync.Mutex
	files    map[string]digests // by key; of a split by the artifact's own key as well
}

// digests are hashes in hex by the name of their algorithm.
type digests map[string]string

// dump returns the artifact as the engine sees it. Nil sums ask for the head only.
func (r *run) dump(art storage.Artifact, sums []storage.Sum) *dump {
	d := &dump{src: r.job.Source, art: art, opener: r.job.Opener}
	if sums != nil {
		total := art.Bytes()
		d.meter = &meter{sums: sums, files: map[string]digests{}}
		d.meter.progress = func(int64) { r.progress(Fetch, d.meter.read.Load(), total, "bytes") }
	}
	return d
}

// sidecars reads the checksums kept beside the artifact; never nil without an error.
func (r *run) sidecars(ctx context.Context, art storage.Artifact) ([]storage.Sum, error) {
	sums, err := storage.ReadSidecars(ctx, r.job.Source, art)
	if err != nil {
		return nil, fmt.Errorf("read checksums beside %s: %w", art.Key, err)
	}
	return append([]storage.Sum{}, sums...), nil
}

// Files implements engine.Dump.
func (d *dump) Files() []engine.File {
	if d.art.Kind != storage.Directory {
		return []engine.File{{Size: d.art.Bytes()}}
	}
	files := make([]engine.File, len(d.art.Parts))
	for i, p := range d.art.Parts {
		files[i] = engine.File{Name: d.opener.Inner(d.storedName(p)), Size: p.Size}
	}
	return files
}

// storedName is the name of a file of a directory as it is stored, its layers' suffixes
// included; empty for a dump that is one stream.
func (d *dump) storedName(o storage.Object) string {
	if d.art.Kind != storage.Directory {
		return ""
	}
	return strings.TrimPrefix(o.Key, d.art.Key)
}

// Open implements engine.Dump.
func (d *dump) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	parts := d.art.Parts
	if d.art.Kind == storage.Directory {
		i := slices.IndexFunc(parts, func(o storage.Object) bool { return d.opener.Inner(d.storedName(o)) == name })
		if i < 0 {
			return nil, fmt.Errorf("%s%s: %w", d.art.Key, name, storage.ErrNotFound)
		}
		parts = parts[i : i+1]
	}
	var stored io.ReadCloser = storage.NewReader(ctx, d.src, parts, storage.ReadOptions{})
	if d.meter != nil {
		m := newMetered(stored, d.meter, d.art, parts)
		d.mu.Lock()
		d.pending = append(d.pending, m)
		d.mu.Unlock()
		stored = m
	}
	opened, err := d.opener.Open(stored, d.storedName(parts[0]))
	if err != nil {
		return nil, errors.Join(err, stored.Close())
	}
	return &layered{Opened: opened, stored: stored, dump: d}, nil
}

// finish ends the reading. With rest it first reads what engine and envelope left
// unread, so that the hashes cover every stored byte; files never opened stay unread.
func (d *dump) finish(ctx context.Context, rest bool) error {
	d.mu.Lock()
	pending := d.pending
	d.mu.Unlock()
	var err error
	for _, m := range pending {
		if rest && err == nil {
			err = m.drain(ctx)
		}
		err = errors.Join(err, m.Close())
	}
	if err != nil {
		return fmt.Errorf("read to the end: %w", err)
	}
	return nil
}

// layers names the envelope's layers, outermost first.
func (d *dump) layers() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.envelope
}

func (d *dump) bytesRead() int64 { return d.meter.read.Load() }

// sums returns the SHA-256 of the artifact and how every stored checksum compares.
// Of a directory it is the SHA-256 of its files' sums, as sha256sum would list them.
func (d *dump) sums() (string, []verify.Checksum) {
	d.meter.mu.Lock()
	defer d.meter.mu.Unlock()
	whole := d.meter.files[d.art.Key]["sha256"]
	if d.art.Kind == storage.Directory {
		whole = d.listing()
	}
	var compared []verify.Checksum
	for _, s := range d.meter.sums {
		c := verify.Checksum{Origin: s.Origin, Algorithm: s.Algorithm, Subject: s.Key, Want: strings.ToLower(s.Hex)}
		c.Got = d.meter.files[s.Key][s.Algorithm]
		compared = append(compared, c)
	}
	return whole, compared
}

// listing hashes the list of a directory's files; empty while one is unread.
func (d *dump) listing() string {
	h := sha256.New()
	for _, p := range d.art.Parts {
		sum := d.meter.files[p.Key]["sha256"]
		if sum == "" {
			return ""
		}
		fmt.Fprintf(h, "%s  %s\n", sum, strings.TrimPrefix(p.Key, d.art.Key))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// layered closes the envelope and the stored bytes below it, unless those are still
// to be drained for their hash.
type layered struct {
	storage.Opened
	stored io.Closer
	dump   *dump
}

// Close notes the layers, which are all known by now.
func (l *layered) Close() error {
	l.dump.mu.Lock()
	if l.dump.envelope == nil {
		l.dump.envelope = l.Layers()
	}
	l.dump.mu.Unlock()
	err := l.Opened.Close()
	if l.dump.meter != nil {
		return err
	}
	return errors.Join(err, l.stored.Close())
}

// metered counts and hashes the stored bytes of one file as they are read.
type metered struct {
	stored io.ReadCloser
	meter  *meter
	key    string
	parts  []storage.Object
	whole  hasher
	part   hasher // of the current part, when there are several
	left   int64  // bytes of the current part still to come
	mu     sync.Mutex
	done   bool
}

// algorithms make the hashes that stored checksums may ask for.
var algorithms = map[string]func() hash.Hash{"md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224,
	"sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New}

// hasher computes SHA-256 and whatever else stored checksums ask for, by algorithm.
type hasher map[string]hash.Hash

func newHasher(sums []storage.Sum) hasher {
	h := hasher{"sha256": sha256.New()}
	for _, s := range sums {
		if start := algorithms[s.Algorithm]; start != nil && h[s.Algorithm] == nil {
			h[s.Algorithm] = start()
		}
	}
	return h
}

func (h hasher) write(b []byte) {
	for _, hash := range h {
		hash.Write(b)
	}
}

func (h hasher) digests() digests {
	d := make(digests, len(h))
	for algorithm, hash := range h {
		d[algorithm] = hex.EncodeToString(hash.Sum(nil))
	}
	return d
}

func newMetered(stored io.ReadCloser, m *meter, art storage.Artifact, parts []storage.Object) *metered {
	s := &metered{stored: stored, meter: m, key: art.Key, parts: parts, whole: newHasher(m.sums)}
	if art.Kind == storage.Directory {
		s.key = parts[0].Key
	}
	if len(parts) > 1 {
		s.part, s.left = newHasher(m.sums), parts[0].Size
	}
	return s
}

// Read implements io.Reader.
func (s *metered) Read(b []byte) (int, error) {
	n, err := s.stored.Read(b)
	s.whole.write(b[:n])
	s.splitParts(b[:n])
	s.meter.read.Add(int64(n))
	s.meter.progress(int64(n))
	if errors.Is(err, io.EOF) {
		s.complete()
	}
	return n, err
}

// splitParts hashes each object of a split artifact for itself.
func (s *metered) splitParts(b []byte) {
	for s.part != nil && len(b) > 0 {
		n := min(int64(len(b)), s.left)
		s.part.write(b[:n])
		s.left -= n
		b = b[n:]
		if s.left > 0 {
			return
		}
		s.meter.put(s.parts[0].Key, s.part.digests())
		s.parts = s.parts[1:]
		if len(s.parts) == 0 {
			s.part = nil
			return
		}
		s.part, s.left = newHasher(s.meter.sums), s.parts[0].Size
	}
}

func (s *metered) complete() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.done {
		s.done = true
		s.meter.put(s.key, s.whole.digests())
	}
}

func (m *meter) put(key string, d digests) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[key] = d
}

// drain reads the rest.
func (s *metered) drain(ctx context.Context) error {
	s.mu.Lock()
	done := s.done
	s.mu.Unlock()
	if done {
		return nil
	}
	if _, err := io.Copy(io.Discard, s); err != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	return nil
}

// Close implements io.Closer.
func (s *metered) Close() error { return s.stored.Close() }
