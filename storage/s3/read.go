package s3

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"

	"lifeboat/storage"
)

// List implements storage.Source.
func (s *Source) List(ctx context.Context, prefix string) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		ctx, w := s.watch(ctx)
		defer w.stop()
		noOwner := false
		options := minio.ListObjectsOptions{Prefix: s.prefix + prefix, Recursive: true, FetchOwner: &noOwner}
		for info := range s.core.ListObjectsIter(ctx, s.bucket, options) {
			w.pause() // the time the caller takes is not the storage's
			if info.Err != nil {
				yield(storage.Object{}, s.translate(ctx, "list", prefix, info.Err))
				return
			}
			if !yield(s.object(info), nil) {
				return
			}
			w.resume()
		}
		// The SDK ends its listing without a word when ctx ends. A listing cut
		// short must not look like a whole one.
		if ctx.Err() != nil {
			yield(storage.Object{}, s.translate(ctx, "list", prefix, ctx.Err()))
		}
	}
}

// Stat implements storage.Source.
func (s *Source) Stat(ctx context.Context, key string) (storage.Object, error) {
	if !validKey(key) {
		return storage.Object{}, fmt.Errorf("look at %s: %w", s.where(key), storage.ErrNotFound)
	}
	ctx, w := s.watch(ctx)
	defer w.stop()
	info, err := s.core.StatObject(ctx, s.bucket, s.prefix+key, minio.StatObjectOptions{Checksum: true})
	if err == nil {
		return s.stat(key, info), nil
	}
	err = s.translate(ctx, "look at", key, err)
	if errors.Is(err, storage.ErrNotFound) {
		// The answer to HEAD has no body: a missing bucket looks like a missing object.
		exists, bucketErr := s.core.BucketExists(ctx, s.bucket)
		if bucketErr == nil && !exists {
			return storage.Object{}, s.translate(ctx, "look at", key, minio.ErrorResponse{Code: minio.NoSuchBucket})
		}
	}
	return storage.Object{}, err
}

// Open implements storage.Source.
func (s *Source) Open(ctx context.Context, o storage.Object, offset, length int64) (io.ReadCloser, error) {
	if !validKey(o.Key) {
		return nil, fmt.Errorf("open %s: %w", s.where(o.Key), storage.ErrNotFound)
	}
	if length == 0 {
		return http.NoBody, nil
	}
	options := minio.GetObjectOptions{VersionID: o.Version}
	if o.ETag != "" {
		if err := options.SetMatchETag(o.ETag); err != nil {
			return nil, fmt.Errorf("open %s of %s: %w", o.Key, s.name, err)
		}
	}
	if err := setRange(&options, offset, length); err != nil {
		return nil, fmt.Errorf("open %s of %s: %w", o.Key, s.name, err)
	}
	ctx, w := s.watch(ctx)
	body, info, header, err := s.core.GetObject(ctx, s.bucket, s.prefix+o.Key, options)
	w.pause()
	if err != nil {
		defer w.stop()
		return nil, s.translate(ctx, "open", o.Key, err)
	}
	if err := samePin(o, info, header, offset); err != nil {
		w.stop()
		return nil, errors.Join(fmt.Errorf("open %s of %s: %w", o.Key, s.name, err), body.Close())
	}
	if length < 0 {
		length = max(0, o.Size-offset)
	}
	return &stream{Reader: io.LimitReader(body, length), body: body, stop: w.stop}, nil
}

// validKey reports whether key can be asked for: not every hop on the way to the
// storage passes on a path that climbs.
func validKey(key string) bool { return key != "" && !slices.Contains(strings.Split(key, "/"), "..") }

// Uploads implements storage.UploadLister. A storage that does not know such uploads
// or does not let us see them answers with an error.
func (s *Source) Uploads(ctx context.Context, prefix string) ([]storage.Object, error) {
	const most = 1000
	ctx, w := s.watch(ctx)
	defer w.stop()
	page, err := s.core.ListMultipartUploads(ctx, s.bucket, s.prefix+prefix, "", "", "", most)
	if err != nil {
		return nil, s.translate(ctx, "list unfinished uploads", prefix, err)
	}
	var found []storage.Object
	for _, u := range page.Uploads {
		if key, ok := strings.CutPrefix(u.Key, s.prefix+prefix); ok {
			found = append(found, storage.Object{Key: prefix + key, Modified: u.Initiated})
		}
	}
	return found, nil
}

// setRange asks for length bytes from offset, to the end when length is negative.
func setRange(options *minio.GetObjectOptions, offset, length int64) error {
	switch {
	case length >= 0:
		return options.SetRange(offset, offset+length-1)
	case offset > 0:
		return options.SetRange(offset, 0)
	}
	return nil
}

// samePin makes sure that the answer is about the pinned content: some servers
// ignore If-Match, and some the range.
func samePin(o storage.Object, got minio.ObjectInfo, header http.Header, offset int64) error {
	switch {
	case o.ETag != "" && got.ETag != "" && got.ETag != o.ETag:
		return fmt.Errorf("its ETag is now %s: %w", got.ETag, storage.ErrChanged)
	case o.Version != "" && got.VersionID != "" && got.VersionID != o.Version:
		return fmt.Errorf("its version is now %s: %w", got.VersionID, storage.ErrChanged)
	}
	content := header.Get("Content-Range")
	if content == "" {
		if offset > 0 {
			return errors.New("the storage ignored the requested range")
		}
		return nil
	}
	var first, last, total int64
	if n, err := fmt.Sscanf(content, "bytes %d-%d/%d", &first, &last, &total); n < 3 || err != nil {
		return nil // the total may be given as *
	}
	if first != offset {
		return fmt.Errorf("the storage answered from byte %d instead of %d", first, offset)
	}
	if total != o.Size {
		return fmt.Errorf("it has now %d instead of %d bytes: %w", total, o.Size, storage.ErrChanged)
	}
	return nil
}

// stream is an open body together with what ends its context.
type stream struct {
	io.Reader
	body io.Closer
	stop func()
}

// Close implements io.Closer.
func (r *stream) Close() error {
	r.stop() // first: nobody wants the rest of the body
	return r.body.Close()
}

// watchdog cancels an operation whose answer takes too long.
type watchdog struct {
	timer  *time.Timer
	limit  time.Duration
	cancel context.CancelCauseFunc
	last   atomic.Pointer[error] // what the last failed try said
}

// watch derives the context of one operation. The caller stops the watchdog.
func (s *Source) watch(ctx context.Context) (context.Context, *watchdog) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watchdog{limit: s.answer, cancel: cancel}
	w.timer = time.AfterFunc(s.answer, func() { cancel(errNoAnswer) })
	return context.WithValue(ctx, watchdogKey{}, w), w
}

func (w *watchdog) pause()  { w.timer.Stop() }
func (w *watchdog) resume() { w.timer.Reset(w.limit) }
func (w *watchdog) stop()   { w.timer.Stop(); w.cancel(nil) }

// object turns a line of a listing into ours.
func (s *Source) object(i minio.ObjectInfo) storage.Object {
	return storage.Object{
		Key: strings.TrimPrefix(i.Key, s.prefix), Size: i.Size, Modified: i.LastModified, ETag: i.ETag,
		Version: i.VersionID, Class: i.StorageClass, Archived: coldClass(i.StorageClass),
	}
}

// stat turns the answer to a HEAD into an object with all that is known.
func (s *Source) stat(key string, i minio.ObjectInfo) storage.Object {
	i.Key = s.prefix + key
	if i.StorageClass == "" {
		i.StorageClass = i.Headers.Get("X-Amz-Storage-Class")
	}
	o := s.object(i)
	if i.Headers.Get("X-Amz-Archive-Status") != "" { // a cold tier of intelligent tiering
		o.Archived = true
	}
	if i.Restore != nil && !i.Restore.OngoingRestore {
		o.Archived = false // a thawed copy is there
	}
	o.Metadata = make(map[string]string, len(i.UserMetadata))
	for k, v := range i.UserMetadata {
		o.Metadata[strings.ToLower(k)] = v
	}
	o.Checksums = checksums(i, o.Metadata)
	return o
}

// coldClass reports whether objects of a storage class must be thawed before a read.
func coldClass(class string) bool { return class == "GLACIER" || class == "DEEP_ARCHIVE" }

// checksums collects the checksums that are of the whole object. An ETag is never
// one of them: what it is computed from depends on server and encryption.
func checksums(i minio.ObjectInfo, metadata map[string]string) map[string]string {
	stored := map[string]string{
		"sha256": i.ChecksumSHA256, "sha1": i.ChecksumSHA1, "md5": i.ChecksumMD5, "sha512": i.ChecksumSHA512,
		"crc32": i.ChecksumCRC32, "crc32c": i.ChecksumCRC32C, "crc64nvme": i.ChecksumCRC64NVME,
	}
	if i.ChecksumMode == minio.ChecksumCompositeMode.String() {
		clear(stored) // checksums of the parts' checksums
	}
	if sum := metadata["md5chksum"]; sum != "" && stored["md5"] == "" { // written by rclone
		stored["md5"] = sum
	}
	out := make(map[string]string)
	for name, sum := range stored {
		if raw, err := base64.StdEncoding.DecodeString(sum); err == nil && len(raw) == checksumBytes[name] {
			out[name] = hex.EncodeToString(raw)
		}
	}
	return out
}

var checksumBytes = map[string]int{
	"md5": 16, "sha1": 20, "sha256": 32, "sha512": 64, "crc32": 4, "crc32c": 4, "crc64nvme": 8,
}
