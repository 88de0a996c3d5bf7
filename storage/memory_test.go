package storage_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lifeboat/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shelf is a source in memory, for tests of what is made of a listing.
type shelf struct {
	objects []storage.Object
	content map[string]string
	uploads []storage.Object
	deny    error  // answer to Uploads
	allowed string // listing anything but this prefix is denied
	stats   int
	failAt  int // the listing fails at this object, when not zero
	fail    error
}

func (s *shelf) Name() string { return "shelf" }

// add stores an object whose time is an RFC 3339 text.
func (s *shelf) add(key string, size int64, modified string) *shelf {
	at, err := time.Parse(time.RFC3339, modified)
	if err != nil {
		panic(err)
	}
	s.objects = append(s.objects, storage.Object{Key: key, Size: size, Modified: at, ETag: key + modified})
	return s
}

// text stores an object with content.
func (s *shelf) text(key, content string) *shelf {
	if s.content == nil {
		s.content = make(map[string]string)
	}
	s.content[key] = content
	return s.add(key, int64(len(content)), "2026-01-01T00:00:00Z")
}

func (s *shelf) List(ctx context.Context, prefix string) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		if !strings.HasPrefix(prefix, s.allowed) {
			yield(storage.Object{}, storage.Denied(fmt.Errorf("list %q: %w", prefix, storage.ErrUnreachable)))
			return
		}
		slices.SortFunc(s.objects, func(a, b storage.Object) int { return strings.Compare(a.Key, b.Key) })
		for i, o := range s.objects {
			if s.fail != nil && i == s.failAt {
				yield(storage.Object{}, s.fail)
				return
			}
			if strings.HasPrefix(o.Key, prefix) && !yield(o, nil) {
				return
			}
		}
	}
}

func (s *shelf) Stat(ctx context.Context, key string) (storage.Object, error) {
	s.stats++
	for _, o := range s.objects {
		if o.Key == key {
			return o, nil
		}
	}
	return storage.Object{}, fmt.Errorf("look at %s: %w", key, storage.ErrNotFound)
}

func (s *shelf) Open(ctx context.Context, o storage.Object, offset, length int64) (io.ReadCloser, error) {
	text, ok := s.content[o.Key]
	if !ok {
		return nil, storage.ErrNotFound
	}
	return io.NopCloser(strings.NewReader(text[offset:min(int64(len(text)), offset+length)])), nil
}

func (s *shelf) Uploads(context.Context, string) ([]storage.Object, error) { return s.uploads, s.deny }

func pattern(t testing.TB, text string) storage.Pattern {
	t.Helper()
	p, err := storage.ParsePattern(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func moment(text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return at
}

// vanishing lists one object that is gone when it is asked for.
type vanishing struct {
	*shelf
	gone string
}

func (s *vanishing) Stat(ctx context.Context, key string) (storage.Object, error) {
	if key == s.gone {
		return storage.Object{}, storage.ErrNotFound
	}
	return s.shelf.Stat(ctx, key)
}
