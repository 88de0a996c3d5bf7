package archive

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zlib"

	"lifeboat/engine"
)

// writer writes archives as pg_dump does, to test what no real dump is at hand for.
type writer struct{ bytes.Buffer }

func (w *writer) int(n int) {
	sign := byte(0)
	if n < 0 {
		sign, n = 1, -n
	}
	w.WriteByte(sign)
	w.Write(binary.LittleEndian.AppendUint32(nil, uint32(n)))
}

func (w *writer) text(s string) {
	w.int(len(s))
	w.WriteString(s)
}

func (w *writer) head(minor int) {
	w.WriteString(Magic)
	w.Write([]byte{1, byte(minor), 0, 4, 8, formatCustom})
	if minor >= minorAlgorithm {
		w.WriteByte(1)
	} else {
		w.int(-1)
	}
	for _, n := range []int{5, 4, 3, 2, 0, 126, 0} {
		w.int(n)
	}
	w.text("shop")
	w.text("16.4 (Debian)")
	w.text("16.4")
}

// entry writes one entry in the way of the given version.
func (w *writer) entry(minor, id int, desc, tag, defn, copyStmt string) {
	w.int(id)
	w.int(0)
	w.text("0")
	w.text("0")
	w.text(tag)
	w.text(desc)
	if minor >= minorSection {
		w.int(2)
	}
	w.text(defn)
	w.text("DROP")
	if copyStmt == "" {
		w.int(-1)
	} else {
		w.text(copyStmt)
	}
	w.text("public")
	w.text("")
	if minor >= minorTableAM {
		w.text("heap")
	}
	if minor >= minorRelKind {
		w.int('r')
	}
	w.text("owner")
	w.text("false")
	w.text("7")
	w.int(-1)
	state := byte(offsetNoData)
	if desc == TableData {
		state = offsetNotSet
	}
	w.WriteByte(state)
	w.Write(make([]byte, 8))
}

// block writes the data of an entry in chunks of the given size.
func (w *writer) block(t testing.TB, id int, content []byte, chunk int) {
	t.Helper()
	var z bytes.Buffer
	c := zlib.NewWriter(&z)
	_, err := c.Write(content)
	if err == nil {
		err = c.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	w.WriteByte(blockData)
	w.int(id)
	for rest := z.Bytes(); len(rest) > 0; rest = rest[min(chunk, len(rest)):] {
		w.int(min(chunk, len(rest)))
		w.Write(rest[:min(chunk, len(rest))])
	}
	w.int(0)
}

// small is an archive of one table with three rows.
func small(t testing.TB, minor, chunk int) []byte {
	var w writer
	w.head(minor)
	w.int(2)
	w.entry(minor, 1, "TABLE", "a", "CREATE TABLE public.a (b int);", "")
	w.entry(minor, 2, TableData, "a", "", "COPY public.a (b) FROM stdin;\n")
	w.block(t, 2, []byte("1\n2\n3\n\\.\n\n\n"), chunk)
	return w.Bytes()
}

// record is a handler that keeps what it is told.
type record struct {
	head    Head
	entries []Entry
	rows    map[string]int64
}

func (r *record) handler() Handler {
	r.rows = make(map[string]int64)
	copies := make(map[string]string)
	return Handler{
		Head:  func(h Head) { r.head = h },
		Entry: func(e *Entry) error { r.entries = append(r.entries, *e); copies[e.Data] = e.Copy; return nil },
		Needs: func(string) {},
		Rows: func(data string, rows Rows, err error) error {
			if err == nil {
				r.rows[data], err = rows.Count(copies[data])
			}
			return err
		},
	}
}

func TestArchivesOfEveryVersionAreRead(t *testing.T) {
	for minor := oldestMinor; minor <= newestMinor; minor++ {
		for _, chunk := range []int{1, 3, 1000} {
			var r record
			if err := ReadCustom(t.Context(), bytes.NewReader(small(t, minor, chunk)), r.handler()); err != nil {
				t.Errorf("version 1.%d in chunks of %d: %v", minor, chunk, err)
				continue
			}
			if r.rows["2"] != 3 || len(r.entries) != 2 || r.entries[1].Copy == "" || r.entries[1].Owner != "owner" {
				t.Errorf("version 1.%d in chunks of %d: rows %v, entries %+v", minor, chunk, r.rows, r.entries)
			}
			if r.head.Database != "shop" || r.head.Compression != "gzip" || r.head.MadeAt.Format("2006-01-02 15:04:05") != "2026-01-02 03:04:05" {
				t.Errorf("version 1.%d: head %+v", minor, r.head)
			}
		}
	}
}

func TestVersionsBeyondAreNamed(t *testing.T) {
	for _, minor := range []int{oldestMinor - 1, newestMinor + 1, 200} {
		a := small(t, newestMinor, 100)
		a[len(Magic)+1] = byte(minor)
		err := ReadTOC(t.Context(), bytes.NewReader(a), (&record{}).handler())
		if !errors.Is(err, engine.ErrFormat) || !bytes.Contains([]byte(err.Error()), fmt.Appendf(nil, "1.%d", minor)) {
			t.Errorf("version 1.%d: %v, want %v naming it", minor, err, engine.ErrFormat)
		}
	}
}

func TestLengthsThatLieTakeNoMemory(t *testing.T) {
	var w writer
	w.head(newestMinor)
	w.int(1 << 27)
	w.int(1)
	w.int(0)
	w.text("0")
	w.text("0")
	w.int(1 << 30) // a tag of which nothing follows
	allocated := testing.AllocsPerRun(1, func() {
		if err := ReadTOC(t.Context(), bytes.NewReader(w.Bytes()), (&record{}).handler()); !errors.Is(err, engine.ErrTruncated) {
			t.Errorf("%v, want %v", err, engine.ErrTruncated)
		}
	})
	if allocated > 200 {
		t.Errorf("took %v allocations", allocated)
	}
}

func TestBlocksThatDoNotBelongAreCorrupt(t *testing.T) {
	good := small(t, newestMinor, 100)
	var stranger, unknown writer
	stranger.block(t, 9, []byte("\\.\n\n\n"), 10)
	unknown.WriteByte(7)
	unknown.int(2)
	for name, more := range map[string][]byte{
		"data of no entry": stranger.Bytes(), "an unknown kind": unknown.Bytes(), "garbage": []byte("garbage after the end"),
	} {
		err := ReadCustom(t.Context(), bytes.NewReader(append(bytes.Clone(good), more...)), (&record{}).handler())
		if !errors.Is(err, engine.ErrCorrupt) {
			t.Errorf("%s: %v, want %v", name, err, engine.ErrCorrupt)
		}
	}
}

func TestOnlyZerosMayFollowTheLastBlock(t *testing.T) {
	good := small(t, newestMinor, 100)
	for _, n := range []int{1, 5, 512, 1 << 20} {
		padded := append(bytes.Clone(good), make([]byte, n)...)
		var r record
		if err := ReadCustom(t.Context(), bytes.NewReader(padded), r.handler()); err != nil || r.rows["2"] != 3 {
			t.Errorf("%d zeros: rows %v, %v", n, r.rows, err)
		}
		padded[len(padded)-1] = 'x'
		err := ReadCustom(t.Context(), bytes.NewReader(padded), (&record{}).handler())
		if !errors.Is(err, engine.ErrCorrupt) && !errors.Is(err, engine.ErrTruncated) {
			t.Errorf("%d bytes of which the last is no zero: %v, want it called bad", n, err)
		}
	}
}

// FuzzReadTOC checks that any bytes are a table of contents or called bad.
func FuzzReadTOC(f *testing.F) {
	f.Add(small(f, newestMinor, 100))
	f.Add(small(f, oldestMinor, 100))
	f.Add(append(small(f, newestMinor, 100), make([]byte, 64)...))
	for _, name := range []string{"13.custom", "17.custom-zstd", "17.custom-lz4"} {
		dump, err := os.ReadFile(filepath.Join("..", "testdata", "dumps", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(dump)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for read, err := range map[string]error{
			"table of contents": ReadTOC(t.Context(), bytes.NewReader(b), (&record{}).handler()),
			"whole":             ReadCustom(t.Context(), bytes.NewReader(b), (&record{}).handler()),
		} {
			if err != nil && !errors.Is(err, engine.ErrTruncated) && !errors.Is(err, engine.ErrCorrupt) && !errors.Is(err, engine.ErrFormat) {
				t.Errorf("%s: %v, want it called bad", read, err)
			}
		}
	})
}

func BenchmarkTOCOf50000Tables(b *testing.B) {
	var w writer
	w.head(newestMinor)
	w.int(100000)
	defn := fmt.Sprintf("CREATE TABLE public.a (%0400d);", 0)
	for i := 1; i <= 100000; i += 2 {
		w.entry(newestMinor, i, "TABLE", fmt.Sprint("table_", i), defn, "")
		w.entry(newestMinor, i+1, TableData, fmt.Sprint("table_", i), "", "COPY public.a FROM stdin;\n")
	}
	b.SetBytes(int64(w.Len()))
	b.ReportAllocs()
	for b.Loop() {
		h := Handler{Head: func(Head) {}, Entry: func(*Entry) error { return nil }}
		if err := ReadTOC(context.Background(), bytes.NewReader(w.Bytes()), h); err != nil {
			b.Fatal(err)
		}
	}
}

// rowsOf makes about 32 MiB of COPY text that packs like that of orders.
func rowsOf() []byte {
	var b bytes.Buffer
	r := rand.New(rand.NewPCG(1, 2))
	for b.Len() < 32<<20 {
		fmt.Fprintf(&b, "%d\t%d\t2024-01-%02d 10:%02d:00+00\tshipped\t%d.50\n", b.Len(), r.IntN(100000), 1+r.IntN(28), r.IntN(60), r.IntN(900))
	}
	b.WriteString("\\.\n\n\n")
	return b.Bytes()
}

func BenchmarkCustomCompressed(b *testing.B) {
	rows := rowsOf()
	var w writer
	w.head(newestMinor)
	w.int(1)
	w.entry(newestMinor, 2, TableData, "a", "", "COPY public.a FROM stdin;\n")
	w.block(b, 2, rows, 4096)
	b.SetBytes(int64(len(rows)))
	for b.Loop() {
		if err := ReadCustom(context.Background(), bytes.NewReader(w.Bytes()), (&record{}).handler()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInflate is the floor of BenchmarkCustomCompressed.
func BenchmarkInflate(b *testing.B) {
	rows := rowsOf()
	var z bytes.Buffer
	c := zlib.NewWriter(&z)
	_, _ = c.Write(rows)
	_ = c.Close()
	buf := make([]byte, 256<<10)
	b.SetBytes(int64(len(rows)))
	for b.Loop() {
		r, err := zlib.NewReader(bytes.NewReader(z.Bytes()))
		for err == nil {
			_, err = r.Read(buf)
		}
	}
}

func BenchmarkCustomUncompressed(b *testing.B) {
	rows := rowsOf()
	var w writer
	w.head(newestMinor)
	w.int(1)
	w.entry(newestMinor, 2, TableData, "a", "", "COPY public.a FROM stdin;\n")
	a := w.Bytes()
	a[bytes.Index(a, []byte{4, 8, formatCustom})+3] = 0 // no compression
	w.WriteByte(blockData)
	w.int(2)
	for row := range bytes.Lines(rows) { // pg_dump makes each row a chunk
		w.int(len(row))
		w.Write(row)
	}
	w.int(0)
	b.SetBytes(int64(len(rows)))
	b.ReportAllocs()
	for b.Loop() {
		if err := ReadCustom(context.Background(), bytes.NewReader(w.Bytes()), (&record{}).handler()); err != nil {
			b.Fatal(err)
		}
	}
}
