package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifeboat/storage"
	"lifeboat/storage/dir"
	"lifeboat/storage/storagetest"
)

// stored writes files of the given sizes and returns them as parts, with all bytes.
func stored(t testing.TB, sizes ...int) (*dir.Source, []storage.Object, []byte) {
	t.Helper()
	root := t.TempDir()
	src, err := dir.New("nas", root)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.NewChaCha8([32]byte{1})
	var parts []storage.Object
	var all []byte
	for i, size := range sizes {
		b := make([]byte, size)
		random.Read(b)
		key := fmt.Sprintf("x.%02d", i)
		if err := os.WriteFile(filepath.Join(root, key), b, 0o644); err != nil {
			t.Fatal(err)
		}
		o, err := src.Stat(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		parts, all = append(parts, o), append(all, b...)
	}
	return src, parts, all
}

func none(int, storage.Object, int64, int64) storagetest.Fault { return storagetest.Fault{} }

func TestReaderDeliversAllPartsInOrder(t *testing.T) {
	for _, sizes := range [][]int{{}, {0}, {1}, {512 << 10}, {512<<10 + 1}, {0, 3, 0, 5}, {1 << 20, 700_001, 3}} {
		src, parts, want := stored(t, sizes...)
		var told int64
		r := storage.NewReader(t.Context(), src, parts, storage.ReadOptions{
			Streams: 3, ChunkBytes: 100_000, Progress: func(n int64) { told += n }})
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("sizes %v: read %d bytes, %v; want %d", sizes, len(got), err, len(want))
		}
		if told != int64(len(want)) {
			t.Errorf("sizes %v: progress told of %d bytes, want %d", sizes, told, len(want))
		}
		if err := errors.Join(r.Close(), r.Close()); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

func TestReaderResumesWhatBreaks(t *testing.T) {
	for name, fault := range map[string]storagetest.Fault{
		"connection cut":         {Cut: storagetest.ErrCut, CutAfter: 30_000},
		"cut before any byte":    {Cut: storagetest.ErrCut},
		"ends early":             {Cut: io.EOF, CutAfter: 99_999},
		"unexpected end":         {Cut: io.ErrUnexpectedEOF, CutAfter: 1},
		"busy":                   {Refuse: storagetest.ErrBusy},
		"not reachable a moment": {Refuse: storage.ErrUnreachable},
		"stalls":                 {Stall: true, CutAfter: 50_000},
		"stalls at once":         {Stall: true},
	} {
		t.Run(name, func(t *testing.T) {
			src, parts, want := stored(t, 900_000, 300_000)
			synctest.Test(t, func(t *testing.T) {
				flaky := storagetest.NewFaulty(src, func(call int, _ storage.Object, _, _ int64) storagetest.Fault {
					if call%2 == 1 {
						return fault
					}
					return storagetest.Fault{}
				})
				r := storage.NewReader(t.Context(), flaky, parts, storage.ReadOptions{Streams: 4, ChunkBytes: 100_000})
				defer r.Close()
				got, err := io.ReadAll(r)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("read %d bytes, %v; want the %d stored", len(got), err, len(want))
				}
			})
		})
	}
}

func TestReaderGivesUpWithoutProgress(t *testing.T) {
	src, parts, want := stored(t, 600_000)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		dead := storagetest.NewFaulty(src, func(_ int, _ storage.Object, offset, _ int64) storagetest.Fault {
			if offset >= 512<<10 {
				return storagetest.Fault{Refuse: storagetest.ErrCut}
			}
			return storagetest.Fault{}
		})
		r := storage.NewReader(t.Context(), dead, parts, storage.ReadOptions{})
		defer r.Close()
		got, err := io.ReadAll(r)
		if !errors.Is(err, storage.ErrUnreachable) || !errors.Is(err, storagetest.ErrCut) {
			t.Errorf("read ended with %v, want ErrUnreachable and its cause", err)
		}
		if !strings.Contains(err.Error(), "x.00") || !strings.Contains(err.Error(), "nas") || !strings.Contains(err.Error(), "524288") {
			t.Errorf("%q does not name object, source and place", err)
		}
		if !bytes.Equal(got, want[:512<<10]) {
			t.Errorf("%d bytes were delivered before the error, want all 524288 that came", len(got))
		}
		if _, again := r.Read(make([]byte, 1)); again != err {
			t.Errorf("the next Read says %v, want the same error", again)
		}
		if waited := time.Since(began); waited > time.Minute {
			t.Errorf("gave up after %s", waited)
		}
	})
}

func TestReaderDoesNotInsist(t *testing.T) {
	for _, final := range []error{storage.ErrNotFound, storage.ErrChanged, storage.ErrArchived, storage.ErrDenied} {
		src, parts, _ := stored(t, 10)
		refusing := storagetest.NewFaulty(src, func(int, storage.Object, int64, int64) storagetest.Fault {
			return storagetest.Fault{Refuse: fmt.Errorf("open: %w", final)}
		})
		r := storage.NewReader(t.Context(), refusing, parts, storage.ReadOptions{})
		if _, err := io.ReadAll(r); !errors.Is(err, final) {
			t.Errorf("read ended with %v, want %v", err, final)
		}
		if n := len(refusing.Calls()); n != 1 {
			t.Errorf("%v: asked %d times, want once", final, n)
		}
		r.Close()
	}
}

func TestReaderNoticesAShortObject(t *testing.T) {
	src, parts, _ := stored(t, 10)
	synctest.Test(t, func(t *testing.T) {
		short := storagetest.NewFaulty(src, func(_ int, _ storage.Object, offset, _ int64) storagetest.Fault {
			return storagetest.Fault{Cut: io.EOF, CutAfter: max(0, 7-offset)}
		})
		r := storage.NewReader(t.Context(), short, parts, storage.ReadOptions{})
		defer r.Close()
		got, err := io.ReadAll(r)
		if !errors.Is(err, storage.ErrChanged) || len(got) != 7 {
			t.Errorf("read %d bytes and %v, want 7 and ErrChanged", len(got), err)
		}
	})
}

func TestReaderRefusesAnObjectReplacedInMidRead(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "a.dump")
	if err := os.WriteFile(path, make([]byte, 2<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	src, err := dir.New("nas", root)
	if err != nil {
		t.Fatal(err)
	}
	o, err := src.Stat(t.Context(), "a.dump")
	if err != nil {
		t.Fatal(err)
	}
	r := storage.NewReader(t.Context(), src, []storage.Object{o}, storage.ReadOptions{})
	defer r.Close()
	if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+"~", bytes.Repeat([]byte{1}, 2<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+"~", path); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, r); !errors.Is(err, storage.ErrChanged) {
		t.Errorf("read %d bytes more and %v, want ErrChanged", n, err)
	}
}

func TestReaderAsksForLittleUntilMoreIsWanted(t *testing.T) {
	src, parts, _ := stored(t, 3<<20)
	counted := storagetest.NewFaulty(src, none)
	r := storage.NewReader(t.Context(), counted, parts, storage.ReadOptions{Streams: 2, ChunkBytes: 1 << 20})
	defer r.Close()
	if n := len(counted.Calls()); n != 0 {
		t.Errorf("%d requests before the first Read, want none", n)
	}
	if _, err := io.ReadFull(r, make([]byte, 200<<10)); err != nil {
		t.Fatal(err)
	}
	if calls := counted.Calls(); len(calls) != 1 || calls[0].Length != 512<<10 {
		t.Errorf("requests for a head: %v, want one of 512 KiB", calls)
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatal(err)
	}
	if n := len(counted.Calls()); n != 4 {
		t.Errorf("%d requests for the whole, want 4", n)
	}
}

func TestReaderHoldsNoMoreThanItsWindow(t *testing.T) {
	src, parts, _ := stored(t, 4<<20)
	counted := storagetest.NewFaulty(src, none)
	const streams, chunk = 3, 64 << 10
	r := storage.NewReader(t.Context(), counted, parts, storage.ReadOptions{Streams: streams, ChunkBytes: chunk})
	defer r.Close()
	var read int64
	buf := make([]byte, 10_000)
	for {
		n, err := r.Read(buf)
		read += int64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		var asked int64
		for _, c := range counted.Calls() {
			asked += c.Length
		}
		if asked-read > streams*chunk {
			t.Fatalf("%d bytes asked for ahead of the reader, want at most %d", asked-read, streams*chunk)
		}
	}
}

func TestReaderUsesItsBuffersAgain(t *testing.T) {
	src, parts, _ := stored(t, 64<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := storage.NewReader(t.Context(), src, parts, storage.ReadOptions{})
	defer r.Close()
	if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, r, make([]byte, 32<<10)); n != 64<<20 || err != nil {
		t.Fatalf("read %d bytes, %v", n, err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 20<<20 {
		t.Errorf("%d bytes allocated to read 64 MiB, want at most 20 MiB", got)
	}
}

func TestReaderStopsWhenToldTo(t *testing.T) {
	src, parts, _ := stored(t, 1<<20)
	hang := func(int, storage.Object, int64, int64) storagetest.Fault {
		return storagetest.Fault{Stall: true, CutAfter: 100}
	}
	why := errors.New("drill was cancelled")
	for name, c := range map[string]struct {
		stop func(r io.Closer, cancel context.CancelCauseFunc)
		want error
	}{
		"context": {func(_ io.Closer, cancel context.CancelCauseFunc) { cancel(why) }, why},
		"close":   {func(r io.Closer, _ context.CancelCauseFunc) { r.Close() }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				r := storage.NewReader(ctx, storagetest.NewFaulty(src, hang), parts, storage.ReadOptions{})
				if _, err := io.ReadFull(r, make([]byte, 100)); err != nil {
					t.Fatal(err)
				}
				ended := make(chan error)
				go func() { _, err := r.Read(make([]byte, 1)); ended <- err }()
				synctest.Wait() // the read is waiting for a byte
				c.stop(r, cancel)
				if err := <-ended; err == nil || err == io.EOF || c.want != nil && !errors.Is(err, c.want) {
					t.Errorf("the waiting Read ended with %v, want %v", err, c.want)
				}
				r.Close()
				if _, err := r.Read(make([]byte, 1)); err == nil || err == io.EOF {
					t.Errorf("Read after the end = %v, want an error", err)
				}
			})
		})
	}
}

func BenchmarkReader(b *testing.B) {
	src, parts, all := stored(b, 64<<20)
	b.SetBytes(int64(len(all)))
	for b.Loop() {
		r := storage.NewReader(b.Context(), src, parts, storage.ReadOptions{})
		if _, err := io.Copy(io.Discard, r); err != nil {
			b.Fatal(err)
		}
		r.Close()
	}
}
