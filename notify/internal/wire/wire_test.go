package wire

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lifeboat/notify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPartsOfAnAddressAreSecretsAsWell(t *testing.T) {
	const address = "https://user-name:pw@hooks.example/services/T0001/sEcReTpAtH?key=sEcReTkEy&v=1"
	tests := []struct {
		text string
		want bool
	}{
		{"no service here", false},
		{"hooks.example said no", false},
		{"/services is not found", true}, // it might be a token
		{"POST " + address, true},
		{"no hook sEcReTpAtH", true},
		{"wrong key: sEcReTkEy", true},
		{"bad login user-name", true},
		{"bad password pw", true},
		{"T0001 v=1", false},
	}
	for _, test := range tests {
		if got := Holds(test.text, Hide(address)); got != test.want {
			t.Errorf("%q holds a secret: %t, want %t", test.text, got, test.want)
		}
	}
	if Holds("anything", Hide("")) {
		t.Error("an empty secret is in everything")
	}
	if !Holds("bad token ab", Hide("ab")) {
		t.Error("a short secret is none")
	}
}

func TestErrorsOfTheNetworkNameNoAddress(t *testing.T) {
	const host = "sEcReT.example"
	for _, err := range []error{
		&url.Error{Op: "Post", URL: "https://" + host + "/x", Err: errors.New("connection reset by peer")},
		&url.Error{Op: "Post", URL: "https://" + host, Err: &net.OpError{Op: "dial", Err: &net.DNSError{Name: host, IsNotFound: true}}},
		&url.Error{Op: "Post", URL: "https://" + host, Err: &net.DNSError{Name: host, IsTimeout: true}},
		fmt.Errorf("parse https://%s/x: bad", host),
	} {
		if got := Redact(err).Error(); strings.Contains(got, host) || got == "" {
			t.Errorf("%v became %q", err, got)
		}
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	c := Client{Secrets: []Secret{Hide("sEcReT")}}
	if got := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(got, "sEcReT") {
		t.Errorf("printed as %s", got)
	}
}

func TestARequestEndsAtItsTimeout(t *testing.T) {
	stop := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(stop)
	req, err := NewRequest(t.Context(), http.MethodPost, server.URL, "", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Client{Timeout: 20 * time.Millisecond}.Do(req)
	if !errors.Is(err, notify.ErrUnanswered) || !strings.Contains(err.Error(), "no answer within 20ms") || NotSent(err) {
		t.Errorf("got %v", err)
	}
}

func TestAnAnswerIsReadInBounds(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 1 << 10 {
			if _, err := w.Write(make([]byte, 1<<12)); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	req, err := NewRequest(t.Context(), http.MethodGet, server.URL, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := Client{}.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for buf := make([]byte, 1<<16); ; {
		m, err := resp.Body.Read(buf)
		if n += m; err != nil {
			break
		}
	}
	if n != maxAnswer {
		t.Errorf("%d bytes were kept, want %d", n, maxAnswer)
	}
}
