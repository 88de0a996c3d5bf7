package docker

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lifeboat/sandbox"
)

func TestStartNamesTheImageThatIsMissing(t *testing.T) {
	r := open(t)
	for _, tt := range []struct {
		name, image string
		pull        bool
		want        string
	}{
		{"not at hand", "lifeboat-no-such-image:1", false, "docker pull lifeboat-no-such-image:1"},
		{"registry unreachable", "127.0.0.1:1/none:1", true, "connection refused"},
		{"registry says nothing", registry(t, func() {}) + "/none:1", true, "registry said nothing for"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := *r
			r.pull, r.silence = tt.pull, time.Second
			s := spec()
			s.Image = tt.image
			_, err := r.Start(t.Context(), s)
			expect(t, err, sandbox.ErrImageAbsent)
			var image *sandbox.ImageError
			if !errors.As(err, &image) || image.Image != tt.image {
				t.Errorf("the error names %+v, want %s", image, tt.image)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestACancelledPullIsNoMissingImage(t *testing.T) {
	r := *open(t)
	r.pull = true
	ctx, cancel := context.WithCancel(t.Context())
	host := registry(t, cancel)
	s := spec()
	s.Image = host + "/none:1"
	_, err := r.Start(ctx, s)
	expect(t, err, context.Canceled)
	if errors.Is(err, sandbox.ErrImageAbsent) {
		t.Errorf("got %v, which blames the image", err)
	}
	if left, err := r.left(t.Context(), s.Owner.Installation); err != nil || len(left) > 0 {
		t.Errorf("left %q, %v", left, err)
	}
}

// registry listens on the loopback and never answers; asked is called when it is asked.
func registry(t *testing.T, asked func()) string {
	t.Helper()
	over := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked()
		<-over
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(over) })
	return strings.TrimPrefix(server.URL, "http://")
}
