// Package storage lists backup objects and reads them back. It never writes or
// deletes: a verifier with write access is one more way to lose a backup.
package storage

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// Errors of every Source, wrapped with the operation, the source and the key.
var (
	// ErrUnreachable means the storage could not be asked at all: endpoint down,
	// TLS refused, no such bucket, credentials refused, clocks too far apart.
	// It says nothing about the backup.
	ErrUnreachable = errors.New("storage did not answer")
	// ErrNotFound means the storage answered, and the object is not there.
	ErrNotFound = errors.New("no such object")
	// ErrChanged means the object was replaced while it was being read.
	ErrChanged = errors.New("object changed while it was read")
	// ErrArchived means the object lies in a cold tier and has to be thawed first.
	ErrArchived = errors.New("object is in cold storage")
)

// Object is one stored object as a listing or a Stat saw it.
type Object struct {
	Key      string // full key below the bucket or folder, slash-separated
	Size     int64  // bytes
	Modified time.Time
	ETag     string // opaque; pins the content a read must return
	Version  string // version id, empty where the storage keeps none
	Class    string // storage class as the storage names it, may be empty
	Archived bool   // a cold class that cannot be read without a thaw
	// Metadata and Checksums are filled by Stat only. Checksums maps an algorithm
	// ("sha256", "md5", "crc32c") to lower-case hex of the whole object.
	Metadata  map[string]string
	Checksums map[string]string
}

// Source is a bucket or folder where backups lie. It has no method that writes.
// Methods may be called concurrently. Every wait inside has a deadline of its own.
type Source interface {
	// Name is the name the configuration gives this source.
	Name() string
	// List yields the objects whose keys begin with prefix, in ascending key
	// order, holding no more than one page of the listing. The first error ends it.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]
	// Stat looks at one object, with its metadata and stored checksums.
	// ErrNotFound when it is not there.
	Stat(ctx context.Context, key string) (Object, error)
	// Open reads length bytes of o from offset; a negative length means to the
	// end. It reads exactly the content o was listed with (ETag, Version) or
	// returns ErrChanged. The stream may break: Reader in this package resumes it.
	// The caller closes it.
	Open(ctx context.Context, o Object, offset, length int64) (io.ReadCloser, error)
}

// UploadLister is implemented by sources that know of uploads begun and never
// completed, such as S3 multipart uploads.
type UploadLister interface {
	// Uploads lists unfinished uploads whose keys begin with prefix. Size and
	// ETag are unknown; Modified is when the upload was begun.
	Uploads(ctx context.Context, prefix string) ([]Object, error)
}

// Facts about stored bytes, found while the envelope around a dump is opened.
// ErrKeyMissing alone is about us: the configuration lacks a key.
var (
	// ErrTruncated means a layer ends before its end.
	ErrTruncated = errors.New("envelope is truncated")
	// ErrCorrupt means a layer's bytes contradict themselves.
	ErrCorrupt = errors.New("envelope is corrupt")
	// ErrDecrypt means the configured key does not open the layer.
	ErrDecrypt = errors.New("decryption did not succeed")
	// ErrKeyMissing means the layer is encrypted and no key for its kind is configured.
	ErrKeyMissing = errors.New("no key is configured")
	// ErrTooLarge means the opened bytes exceed the limit set for them.
	ErrTooLarge = errors.New("envelope opens to more than its limit")
)

// Opened is a stream whose envelope is being opened. An error of a layer wraps one
// of the facts above, an error of the stream below is returned as it is.
type Opened interface {
	io.ReadCloser
	// Layers names the layers opened so far, outermost first: "age", "zstd".
	Layers() []string
}

// Opener opens the layers around a dump, recognised by their first bytes.
type Opener interface {
	// Open opens r. Of a file of a directory dump, name is its stored name, and the
	// compression that is part of the dump's own format is left alone; for a dump that
	// is one stream name is empty.
	Open(r io.Reader, name string) (Opened, error)
	// Inner is the name a file of a directory dump has once it is opened: without the
	// suffixes of its layers. It looks at the name alone.
	Inner(name string) string
}
