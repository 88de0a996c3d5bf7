package docker

import (
	"bytes"
	"testing"

	"lifeboat/sandbox"
)

// BenchmarkExecStdin streams into a file inside, as a dump does.
func BenchmarkExecStdin(b *testing.B) {
	box, err := open(b).Start(b.Context(), spec())
	if err != nil {
		b.Fatal(err)
	}
	defer box.Close(b.Context())
	data := make([]byte, 256<<20)
	for b.Loop() {
		code, err := box.Exec(b.Context(), sandbox.Cmd{
			Args: []string{"sh", "-c", "cat >dump"}, Stdin: bytes.NewReader(data)})
		if err != nil || code != 0 {
			b.Fatal(code, err)
		}
	}
	b.SetBytes(int64(len(data)))
}

// BenchmarkStart starts a sandbox until commands run in it, and removes it.
func BenchmarkStart(b *testing.B) {
	r := open(b)
	for b.Loop() {
		box, err := r.Start(b.Context(), spec())
		if err != nil {
			b.Fatal(err)
		}
		if err := box.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
