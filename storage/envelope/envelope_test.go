package envelope_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"lifeboat/storage"
	"lifeboat/storage/envelope"
)

// open reads everything that b opens to.
func open(k envelope.Keys, l envelope.Limits, b []byte) ([]byte, []string, error) {
	s, err := envelope.New(k, l).Open(bytes.NewReader(b), "")
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	got, err := io.ReadAll(s)
	return got, s.Layers(), err
}

func TestEveryLayerOpens(t *testing.T) {
	keys := realKeys(t).keys
	for name, w := range wrappers(t) {
		for _, size := range []int{0, 1, 15, 16, 4096, 65536, 300_001} {
			t.Run(fmt.Sprintf("%s of %d bytes", name, size), func(t *testing.T) {
				t.Parallel()
				want := dumpOf(size)
				got, layers, err := open(keys, envelope.Limits{}, run(t, want, w.args...))
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("opened to %d bytes, %v; want %d", len(got), err, size)
				}
				if !slices.Equal(layers, []string{w.layer}) {
					t.Errorf("layers are %v, want %s", layers, w.layer)
				}
			})
		}
	}
}

func TestLayersNestInAnyOrder(t *testing.T) {
	keys := realKeys(t).keys
	all := wrappers(t)
	want := dumpOf(70_000)
	names := []string{"gzip", "zstd", "xz", "lz4", "bzip2", "age", "age armor", "gpg password", "gpg armor", "openssl cbc"}
	for _, outer := range names {
		for _, inner := range names {
			t.Run(inner+" in "+outer, func(t *testing.T) {
				t.Parallel()
				wrapped := run(t, run(t, want, all[inner].args...), all[outer].args...)
				got, layers, err := open(keys, envelope.Limits{}, wrapped)
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("opened to %d bytes, %v; want %d", len(got), err, len(want))
				}
				if order := []string{all[outer].layer, all[inner].layer}; !slices.Equal(layers, order) {
					t.Errorf("layers are %v, want %v", layers, order)
				}
			})
		}
	}
}

func TestAFileThatWasCutIsCalledTruncated(t *testing.T) {
	keys := realKeys(t).keys
	for name, w := range wrappers(t) {
		whole := run(t, dumpOf(300_000), w.args...)
		n := len(whole)
		for cut, at := range map[string]int{"10 %": n / 10, "50 %": n / 2, "90 %": n * 9 / 10, "99 %": n * 99 / 100, "one byte": n - 1} {
			if cut == "one byte" && whole[n-1] == '\n' {
				continue // an armored file is whole without its last line feed
			}
			t.Run(name+" "+cut, func(t *testing.T) {
				t.Parallel()
				_, _, err := open(keys, envelope.Limits{}, whole[:at])
				if !errors.Is(err, storage.ErrTruncated) {
					t.Errorf("%d of %d bytes: got %v, want ErrTruncated", at, n, err)
				}
			})
		}
	}
}

func TestAFlippedByteIsCalledCorrupt(t *testing.T) {
	keys := realKeys(t).keys
	for name, w := range wrappers(t) {
		if w.layer == "openssl" {
			continue // it has no checksum of its own; what it holds has to have one
		}
		whole := run(t, dumpOf(300_000), w.args...)
		for _, at := range []int{len(whole) / 3, len(whole) / 2, len(whole) * 2 / 3} {
			t.Run(fmt.Sprintf("%s at %d", name, at), func(t *testing.T) {
				t.Parallel()
				broken := bytes.Clone(whole)
				broken[at] ^= 0x11
				_, _, err := open(keys, envelope.Limits{}, broken)
				if !errors.Is(err, storage.ErrCorrupt) {
					t.Errorf("byte %d of %d: got %v, want ErrCorrupt", at, len(whole), err)
				}
			})
		}
	}
}
