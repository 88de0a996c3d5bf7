package storage_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lifeboat/storage"
)

var (
	md5Hex    = strings.Repeat("ab", 16)
	sha256Hex = strings.Repeat("cd", 32)
	otherHex  = strings.Repeat("ef", 32)
)

func TestChecksumFilesAreRead(t *testing.T) {
	for _, c := range []struct{ name, file, text, want string }{
		{"coreutils", "o.dump.sha256", sha256Hex + "  o.dump\n", "sha256 db/o.dump"},
		{"coreutils binary", "o.dump.md5", md5Hex + " *o.dump\n", "md5 db/o.dump"},
		{"with a path", "o.dump.sha256", sha256Hex + "  /var/backups/o.dump\n", "sha256 db/o.dump"},
		{"upper case and carriage return", "o.dump.sha256", strings.ToUpper(sha256Hex) + "  o.dump\r\n", "sha256 db/o.dump"},
		{"byte order mark", "o.dump.sha256", "\ufeff" + sha256Hex + "\n", "sha256 db/o.dump"},
		{"escaped", "o.dump.sha256", `\` + sha256Hex + `  C:\\backups\\o.dump`, "sha256 db/o.dump"},
		{"BSD", "SHA256SUMS", "SHA256 (o.dump) = " + sha256Hex, "sha256 db/o.dump"},
		{"openssl", "o.dump.sha256", "SHA2-256(o.dump)= " + sha256Hex, "sha256 db/o.dump"},
		{"bare", "o.dump.sha256", sha256Hex, "sha256 db/o.dump"},
		{"list of many", "SHA256SUMS", otherHex + "  p.dump\n# note\n\n" + sha256Hex + "  ./o.dump\n", "sha256 db/o.dump"},
		{"another file's", "o.dump.sha256", sha256Hex + "  inner.sql\n", ""},
		{"name and length disagree", "SHA256SUMS", "MD5 (o.dump) = " + sha256Hex, ""},
		{"nonsense", "o.dump.sha256", "<html>not found</html>", ""},
		{"odd length", "o.dump.sha256", sha256Hex + "a", ""},
		{"empty", "o.dump.sha256", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := new(shelf).text("db/o.dump", "content").text("db/"+c.file, c.text)
			a, ok := locate(t, s, "db/*.dump").Newest()
			if !ok || len(a.Sidecars) != 1 {
				t.Fatalf("located %+v, want one checksum file", a)
			}
			sums, err := storage.ReadSidecars(t.Context(), s, a)
			if err != nil {
				t.Fatal(err)
			}
			var got string
			for _, sum := range sums {
				got += sum.Algorithm + " " + sum.Key
				if sum.Origin != "db/"+c.file || sum.Hex != sha256Hex && sum.Hex != md5Hex {
					t.Errorf("sum %+v", sum)
				}
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestSumsOfPartsAndOfTheWhole(t *testing.T) {
	s := new(shelf).text("o.dump.aa", "12").text("o.dump.ab", "34").
		text("o.dump.sha256", sha256Hex+"  o.dump").
		text("o.dump.aa.md5", md5Hex).
		text("SHA256SUMS", otherHex+"  o.dump.ab\n"+otherHex+"  x/y\n")
	s.objects[0].Checksums = map[string]string{"crc32c": "0A0B0C0D"}
	a, _ := locate(t, s, "o.dump").Newest()
	sums, err := storage.ReadSidecars(t.Context(), s, a)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"SHA256SUMS sha256 o.dump.ab", "o.dump.aa.md5 md5 o.dump.aa", "o.dump.sha256 sha256 o.dump", "storage crc32c o.dump.aa"}
	var got []string
	for _, x := range sums {
		got = append(got, fmt.Sprint(x.Origin, " ", x.Algorithm, " ", x.Key))
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSumsInsideADirectory(t *testing.T) {
	s := new(shelf).text("d/a/x.dat", "1").text("d/b/x.dat", "2").text("d/toc.dat", "3").
		text("d/SHA256SUMS", sha256Hex+"  a/x.dat\n"+sha256Hex+"  x.dat\n"+sha256Hex+"  ./toc.dat\n")
	a, _ := locate(t, s, "d/").Newest()
	sums, err := storage.ReadSidecars(t.Context(), s, a)
	if err != nil {
		t.Fatal(err)
	}
	if len(sums) != 2 || sums[0].Key != "d/a/x.dat" || sums[1].Key != "d/toc.dat" {
		t.Errorf("got %+v; want those of a/x.dat and toc.dat, not of the ambiguous x.dat", sums)
	}
}

func TestAHugeChecksumFileIsRefused(t *testing.T) {
	s := new(shelf).text("o.dump", "1").add("o.dump.sha256", 2<<20, noon)
	a, _ := locate(t, s, "o.dump").Newest()
	if _, err := storage.ReadSidecars(t.Context(), s, a); !errors.Is(err, storage.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

func FuzzParseSums(f *testing.F) {
	f.Add(sha256Hex+"  o.dump", "db/o.dump.sha256")
	f.Add("SHA256 (o.dump) = "+sha256Hex, "SHA256SUMS")
	f.Add(md5Hex, ".md5")
	f.Fuzz(func(t *testing.T, text, origin string) {
		a := storage.Artifact{Key: "db/o.dump", Kind: storage.Single, Parts: []storage.Object{{Key: "db/o.dump"}}}
		for _, s := range storage.ParseSums(text, origin, a) {
			if s.Key != "db/o.dump" || s.Algorithm == "" || strings.ToLower(s.Hex) != s.Hex {
				t.Errorf("%q gave %+v", text, s)
			}
		}
	})
}

func FuzzTimeInName(f *testing.F) {
	for _, s := range []string{"o-20260308T010203Z", "2026/03/08/x", "1772931723", "2026-03-08_01-02", "99999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		now := moment(noon)
		if at, ok := storage.TimeInKey(name, now); ok && (at.Year() < 1999 || at.After(now.AddDate(0, 0, 1))) {
			t.Errorf("%q read as %s", name, at)
		}
	})
}
