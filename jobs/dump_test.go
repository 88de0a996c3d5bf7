package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"

	"lifeboat/internal/testkit"
	"lifeboat/storage"
	"lifeboat/storage/dir"
	"lifeboat/storage/envelope"
	"lifeboat/verify"
	"lifeboat/verify/check"
)

// folder writes files and returns a source over them.
func folder(t *testing.T, files map[string]string) *dir.Source {
	t.Helper()
	src, err := dir.New("disk", testkit.Folder(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// read opens every file of an artifact, reads head bytes of each (all when negative),
// finishes and returns what was seen.
func read(t *testing.T, src storage.Source, key string, sums []storage.Sum, head int64) (string, *dump) {
	t.Helper()
	art, err := storage.Pick(t.Context(), src, key)
	if err != nil {
		t.Fatal(err)
	}
	d := &dump{src: src, art: art, opener: envelope.New(envelope.Keys{}, envelope.Limits{}),
		meter: &meter{sums: sums, files: map[string]digests{}, progress: func(int64) {}}}
	var seen strings.Builder
	for _, f := range d.Files() {
		r, err := d.Open(t.Context(), f.Name)
		if err != nil {
			t.Fatal(err)
		}
		if head < 0 {
			head = f.Size
		}
		if _, err := io.Copy(&seen, io.LimitReader(r, head)); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.finish(context.Background(), true); err != nil {
		t.Fatal(err)
	}
	return seen.String(), d
}

func hexSum(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestEveryStoredByteIsHashedHoweverLittleTheEngineRead(t *testing.T) {
	content := strings.Repeat("all of this counts\n", 100_000)
	src := folder(t, map[string]string{"db.sql": content})
	seen, d := read(t, src, "db.sql", nil, 10)
	sum, _ := d.sums()
	if len(seen) != 10 || sum != hexSum(content) || d.bytesRead() != int64(len(content)) {
		t.Errorf("read %d bytes of %d, sha256 %s, want that of the whole", d.bytesRead(), len(content), sum)
	}
}

func TestASplitArtifactIsHashedWholeAndByPart(t *testing.T) {
	parts := []string{strings.Repeat("a", 5000), strings.Repeat("b", 5000), "end"}
	src := folder(t, map[string]string{"db.sql.part-aa": parts[0], "db.sql.part-ab": parts[1], "db.sql.part-ac": parts[2]})
	sums := []storage.Sum{
		{Origin: "list", Algorithm: "sha256", Key: "db.sql.part-ab", Hex: strings.ToUpper(hexSum(parts[1]))},
		{Origin: "list", Algorithm: "sha256", Key: "db.sql", Hex: hexSum("something else")},
	}
	seen, d := read(t, src, "db.sql", sums, -1)
	whole, compared := d.sums()
	if seen != strings.Join(parts, "") || whole != hexSum(seen) {
		t.Errorf("%d bytes, sha256 %s", len(seen), whole)
	}
	if compared[0].Got != compared[0].Want {
		t.Errorf("the sum of a part is %s, want %s", compared[0].Got, compared[0].Want)
	}
	if compared[1].Got == "" || compared[1].Got == compared[1].Want {
		t.Errorf("a wrong sum of the whole compares as %+v", compared[1])
	}
}

func TestADirectoryIsHashedAsTheListOfItsFiles(t *testing.T) {
	src := folder(t, map[string]string{"db/1.dat": "one", "db/toc.dat": "toc"})
	_, d := read(t, src, "db/", nil, -1)
	want := hexSum(fmt.Sprintf("%s  1.dat\n%s  toc.dat\n", hexSum("one"), hexSum("toc")))
	if got, _ := d.sums(); got != want {
		t.Errorf("sha256 of the directory = %s, want %s", got, want)
	}
}

func TestEveryKindOfChecksumIsCompared(t *testing.T) {
	const content = "the stored bytes"
	for algorithm, start := range algorithms {
		for _, name := range []string{"db.sql." + algorithm, strings.ToUpper(algorithm) + "SUMS"} {
			if name == "SHA224SUMS" {
				continue // nobody writes these
			}
			for _, vouched := range []string{content, "other bytes"} {
				h := start()
				io.WriteString(h, vouched)
				src := folder(t, map[string]string{"db.sql": content, name: hex.EncodeToString(h.Sum(nil)) + "  db.sql\n"})
				art, err := storage.Pick(t.Context(), src, "db.sql")
				if err != nil {
					t.Fatal(err)
				}
				sums, err := storage.ReadSidecars(t.Context(), src, art)
				if err != nil {
					t.Fatal(err)
				}
				_, d := read(t, src, "db.sql", sums, -1)
				whole, compared := d.sums()
				results, err := check.Checksum{}.Run(t.Context(), verify.Input{SHA256: whole, Checksums: compared})
				if err != nil || len(results) != 1 || len(compared) != 1 {
					t.Fatalf("%s: compared %+v, results %+v, %v", name, compared, results, err)
				}
				want := verify.Result{Verdict: verify.Passed}
				if vouched != content {
					want = verify.Result{Verdict: verify.Failed, Code: verify.ChecksumMismatch}
				}
				if got := results[0]; got.Verdict != want.Verdict || got.Code != want.Code || compared[0].Got == "" {
					t.Errorf("%s of %q: compared %+v, result %+v", name, vouched, compared[0], got)
				}
			}
		}
	}
}

func TestOnlyTheHashesThatAreAskedForAreComputed(t *testing.T) {
	h := newHasher([]storage.Sum{{Algorithm: "sha1"}, {Algorithm: "sha1"}, {Algorithm: "crc32c"}})
	if len(h) != 2 || h["sha1"] == nil || h["sha256"] == nil {
		t.Errorf("computes %v, want sha1 and sha256", h)
	}
}
