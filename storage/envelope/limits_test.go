package envelope_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"lifeboat/storage"
	"lifeboat/storage/envelope"
)

func TestABombIsStoppedAtTheLimit(t *testing.T) {
	realKeys(t)
	const limit, bomb = 1 << 20, "60M"
	for _, tool := range []string{"gzip -9", "zstd -q -19", "xz -1", "lz4 -q", "bzip2"} {
		t.Run(tool, func(t *testing.T) {
			wrapped, err := exec.Command("sh", "-c", "head -c "+bomb+" /dev/zero | "+tool+" -c").Output()
			if err != nil {
				t.Fatal(err)
			}
			before := allocated()
			s, err := envelope.New(envelope.Keys{}, envelope.Limits{Bytes: limit}).Open(bytes.NewReader(wrapped), "")
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			n, err := io.Copy(io.Discard, s)
			if !errors.Is(err, storage.ErrTooLarge) || n > limit {
				t.Errorf("opened to %d bytes, %v; want at most %d and ErrTooLarge", n, err, limit)
			}
			if used := allocated() - before; used > 64<<20 {
				t.Errorf("%d MiB were allocated", used>>20)
			}
		})
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func TestALayerMayOpenToExactlyTheLimit(t *testing.T) {
	realKeys(t)
	wrapped := run(t, dumpOf(5000), "gzip", "-c")
	if got, _, err := open(envelope.Keys{}, envelope.Limits{Bytes: 5000}, wrapped); err != nil || len(got) != 5000 {
		t.Errorf("opened to %d bytes, %v; want 5000", len(got), err)
	}
	if _, _, err := open(envelope.Keys{}, envelope.Limits{Bytes: 4999}, wrapped); !errors.Is(err, storage.ErrTooLarge) {
		t.Errorf("one byte above: got %v, want ErrTooLarge", err)
	}
}

func TestLayersWithoutEndAreRefused(t *testing.T) {
	realKeys(t)
	b := dumpOf(100)
	for range 8 {
		b = run(t, b, "gzip", "-c")
	}
	if _, layers, err := open(envelope.Keys{}, envelope.Limits{}, b); err != nil || len(layers) != 8 {
		t.Errorf("8 layers: %v", err)
	}
	if _, _, err := open(envelope.Keys{}, envelope.Limits{}, run(t, b, "zstd", "-qc")); !errors.Is(err, storage.ErrTooLarge) {
		t.Errorf("9 layers: got %v, want ErrTooLarge", err)
	}
}

func TestMemoryThatAFileAsksForIsRefused(t *testing.T) {
	realKeys(t)
	xz := run(t, dumpOf(1000), "xz", "-c")
	xz[12+4] = 40 // a dictionary of 4 GiB, in the header of the first block
	binary.LittleEndian.PutUint32(xz[12+8:], crc32.ChecksumIEEE(xz[12:12+8]))

	blocks := run(t, dumpOf(100_000), "xz", "-c", "-T2", "--block-size=65536")
	size, n := binary.Uvarint(blocks[12+2:]) // of the first block's data, which its header tells
	if n <= 0 || blocks[12+1]&0x40 == 0 {
		t.Fatal("xz does not write the sizes of its blocks any more")
	}
	header := (int(blocks[12]) + 1) * 4
	next := 12 + header + (int(size)+3)/4*4 + 8
	at := next + bytes.Index(blocks[next:next+header], []byte{0x21, 1}) + 2
	blocks[at] = 40
	binary.LittleEndian.PutUint32(blocks[next+header-4:], crc32.ChecksumIEEE(blocks[next:next+header-4]))
	tests := map[string][]byte{
		"xz":              xz,
		"xz, next stream": append(run(t, dumpOf(100_000), "xz", "-c"), xz...),
		"xz, next block":  blocks,
		"zstd":            run(t, dumpOf(1000), "sh", "-c", "head -c 300M /dev/zero | zstd -qc --long=31"),
		"OpenPGP, Argon2": pgpArgon2(31),
	}
	for name, b := range tests {
		_, _, err := open(envelope.Keys{OpenPGPPassphrase: password}, envelope.Limits{}, b)
		if !errors.Is(err, storage.ErrTooLarge) {
			t.Errorf("%s: got %v, want ErrTooLarge", name, err)
		}
	}
	// The stanza's salt and body are of the right lengths; only the work factor matters.
	scrypt := "age-encryption.org/v1\n-> scrypt " + strings.Repeat("A", 22) + " 30\n" + strings.Repeat("A", 43) + "\n--- " + strings.Repeat("A", 43) + "\n"
	_, _, err := open(envelope.Keys{AgePassphrase: password}, envelope.Limits{}, append([]byte(scrypt), make([]byte, 100)...))
	if !errors.Is(err, storage.ErrTooLarge) {
		t.Errorf("age: got %v, want ErrTooLarge", err)
	}
}

// pgpArgon2 is the head of a message whose passphrase derivation takes 2^memory KiB.
func pgpArgon2(memory byte) []byte {
	session := append([]byte{4, 9, 4}, make([]byte, 16)...) // version, AES-256, Argon2, salt
	session = append(session, 1, 1, memory)
	b := append([]byte{0xc3, byte(len(session))}, session...)
	return append(append(b, 0xd2, 100, 1), make([]byte, 99)...)
}

func TestJoinedMembersOpenAsOne(t *testing.T) {
	realKeys(t)
	first, second := dumpOf(70_000), dumpOf(30_000)
	for _, tool := range []string{"gzip", "zstd", "xz", "lz4", "bzip2"} {
		joined := append(run(t, first, tool, "-c"), run(t, second, tool, "-c")...)
		got, _, err := open(envelope.Keys{}, envelope.Limits{}, joined)
		if err != nil || !bytes.Equal(got, append(bytes.Clone(first), second...)) {
			t.Errorf("%s: opened to %d bytes, %v; want 100000", tool, len(got), err)
		}
	}
}

// What each tool does with zeros behind its file was tried on the tools themselves.
func TestZerosBehindACompressedFileAreWhatItsToolTakesThemFor(t *testing.T) {
	want := dumpOf(70_000)
	zeros := make([]byte, 1<<20)
	for _, test := range []struct {
		tool string
		n    int
		ok   bool
	}{
		{"gzip", 1, true}, {"gzip", 2, true}, {"gzip", 511, true}, {"gzip", 1 << 20, true},
		{"bzip2", 2, true}, {"bzip2", 511, true}, {"bzip2", 1 << 20, true},
		{"xz", 4, true}, {"xz", 512, true}, {"xz", 1 << 20, true}, {"xz", 3, false}, {"xz", 510, false},
		{"zstd", 1, false}, {"zstd", 512, false}, {"lz4", 1, false}, {"lz4", 512, false},
	} {
		t.Run(fmt.Sprintf("%d behind %s", test.n, test.tool), func(t *testing.T) {
			t.Parallel()
			padded := append(run(t, want, test.tool, "-c"), zeros[:test.n]...)
			got, _, err := open(envelope.Keys{}, envelope.Limits{}, padded)
			if test.ok && (err != nil || !bytes.Equal(got, want)) {
				t.Errorf("opened to %d bytes, %v; want %d", len(got), err, len(want))
			}
			if !test.ok && !errors.Is(err, storage.ErrCorrupt) && !errors.Is(err, storage.ErrTruncated) {
				t.Errorf("got %v, want it refused", err)
			}
			for _, at := range []int{0, test.n / 2, test.n - 1} {
				broken := bytes.Clone(padded)
				broken[len(broken)-test.n+at] = 'x'
				_, _, err := open(envelope.Keys{}, envelope.Limits{}, broken)
				if !errors.Is(err, storage.ErrCorrupt) && !errors.Is(err, storage.ErrTruncated) {
					t.Errorf("one other byte at %d: got %v, want it refused", at, err)
				}
			}
		})
	}
}

func TestGarbageBehindALayerIsCorrupt(t *testing.T) {
	keys := realKeys(t).keys
	for name, w := range wrappers(t) {
		if w.layer == "openssl" || strings.Contains(name, "armor") {
			continue // the one cannot tell, behind the other a mail may go on
		}
		for _, garbage := range []string{"GARBAGE!", "not a layer of any kind, and rather long for one as well"} {
			_, _, err := open(keys, envelope.Limits{}, append(run(t, dumpOf(70_000), w.args...), garbage...))
			if !errors.Is(err, storage.ErrCorrupt) {
				t.Errorf("%s: got %v, want ErrCorrupt", name, err)
			}
		}
	}
}

func TestAnErrorOfTheStreamPassesThroughUnchanged(t *testing.T) {
	keys := realKeys(t).keys
	for name, w := range wrappers(t) {
		whole := run(t, run(t, dumpOf(300_000), "gzip", "-c"), w.args...)
		for _, at := range []int{5, 100, len(whole) / 2, len(whole) - 1} {
			r := io.MultiReader(bytes.NewReader(whole[:at]), iotest.ErrReader(storage.ErrUnreachable))
			s, err := envelope.New(keys, envelope.Limits{}).Open(r, "")
			if err == nil {
				_, err = io.Copy(io.Discard, s)
				s.Close()
			}
			if err != storage.ErrUnreachable {
				t.Errorf("%s at %d of %d: got %v, want ErrUnreachable as it is", name, at, len(whole), err)
			}
		}
	}
}

func TestNothingOpensToNothing(t *testing.T) {
	realKeys(t)
	for name, b := range map[string][]byte{"empty": nil, "gzip of nothing": run(t, nil, "gzip", "-nc"), "plain": []byte("PGDMP")} {
		got, _, err := open(envelope.Keys{}, envelope.Limits{}, b)
		if err != nil || name != "plain" && len(got) != 0 {
			t.Errorf("%s: opened to %d bytes, %v", name, len(got), err)
		}
	}
}

func TestFilesOfADirectoryKeepTheirOwnCompression(t *testing.T) {
	keys := realKeys(t).keys
	all := wrappers(t)
	tests := []struct {
		name, inner string
		layers      []string // outermost first
	}{
		{"toc.dat", "toc.dat", nil},
		{"3456.dat.gz", "3456.dat.gz", nil},
		{"3456.dat.gz.age", "3456.dat.gz", []string{"age"}},
		{"3456.dat.zst.gpg", "3456.dat.zst", []string{"gpg key"}},
		{"3456.dat.zst.gz", "3456.dat.zst", []string{"gzip"}},
		{"3456.dat.lz4.enc", "3456.dat.lz4", []string{"openssl cbc"}},
		{"blobs_16.toc.AGE", "blobs_16.toc", []string{"age"}},
		{"sub/dir/toc.dat.zst.age", "sub/dir/toc.dat", []string{"age", "zstd"}},
		{"shop.db.zst", "shop.db", []string{"zstd"}},
		{"shop.db.gz.gpg", "shop.db", []string{"gpg password", "gzip"}},
		{"shop", "shop", []string{"zstd"}},
	}
	for _, test := range tests {
		content := dumpOf(2000)
		if strings.Contains(test.inner, ".dat.") {
			content = run(t, content, "gzip", "-c") // by the format itself
		}
		wrapped := content
		for i := len(test.layers) - 1; i >= 0; i-- {
			wrapped = run(t, wrapped, all[test.layers[i]].args...)
		}
		opener := envelope.New(keys, envelope.Limits{})
		s, err := opener.Open(bytes.NewReader(wrapped), test.name)
		inner := opener.Inner(test.name)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		got, err := io.ReadAll(s)
		if err != nil || inner != test.inner || !bytes.Equal(got, content) || len(s.Layers()) != len(test.layers) {
			t.Errorf("%s: opened as %s, %v to %d bytes, %v", test.name, inner, s.Layers(), len(got), err)
		}
		for range 2 {
			if err := s.Close(); err != nil {
				t.Errorf("%s: close: %v", test.name, err)
			}
		}
		if _, err := s.Read(make([]byte, 1)); err == nil {
			t.Errorf("%s: read after it was closed", test.name)
		}
	}
}

func TestAMessageOfOpenPGPSaysWhenItWasCutInAnyPlace(t *testing.T) {
	keys := realKeys(t).keys
	whole := run(t, dumpOf(3000), wrappers(t)["gpg key"].args...)
	for at := 40; at < len(whole); at += 83 {
		if _, _, err := open(keys, envelope.Limits{}, whole[:at]); !errors.Is(err, storage.ErrTruncated) {
			t.Errorf("%d of %d bytes: got %v, want ErrTruncated", at, len(whole), err)
		}
	}
}
