package storage

import "time"

// Kind says how the bytes of an artifact are laid out.
type Kind string

// Kinds of artifact.
const (
	Single    Kind = "object"    // one object
	Split     Kind = "split"     // one stream cut into several objects (.00, .part-aa)
	Directory Kind = "directory" // many files that belong together (pg_dump -Fd)
)

// Artifact is one backup of a target.
type Artifact struct {
	Source string // name of the source
	Key    string // the object's key; of a split, the name without its part suffix; of a directory, with a closing slash
	Kind   Kind
	Parts  []Object // the bytes, in reading order; for a directory its files in key order
	// Sidecars are checksum files beside the artifact (.sha256, .md5, SHA256SUMS).
	Sidecars []Object
	MadeAt   time.Time // when the backup was made, UTC
	// MadeAtFrom says where MadeAt was read: "name", "metadata" or "upload".
	MadeAtFrom string
	// Unfinished says why the artifact is taken for one still being written
	// ("completion marker .done is missing"), and is empty when it is whole.
	Unfinished string
}

// Bytes is the stored size of all parts.
func (a Artifact) Bytes() int64 {
	var n int64
	for _, p := range a.Parts {
		n += p.Size
	}
	return n
}

// Version is the pinned version of a single object, and empty otherwise.
func (a Artifact) Version() string {
	if len(a.Parts) == 1 {
		return a.Parts[0].Version
	}
	return ""
}
