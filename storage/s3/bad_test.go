package s3_test

import (
	"bufio"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeboat/internal/testkit/s3server"
	"lifeboat/storage"
	"lifeboat/storage/s3"
)

// ask lists, looks and opens, and returns what each says.
func ask(t testing.TB, s *s3.Source) map[string]error {
	t.Helper()
	got := make(map[string]error)
	for _, err := range s.List(t.Context(), "") {
		got["list"] = err
	}
	_, got["stat"] = s.Stat(t.Context(), "a.dump")
	r, err := s.Open(t.Context(), storage.Object{Key: "a.dump", Size: 1}, 0, -1)
	if err == nil {
		r.Close()
	}
	got["open"] = err
	_, got["uploads"] = s.Uploads(t.Context(), "")
	return got
}

// wantUnreachable checks that every operation blames the storage, says that asking
// again is (not) pointless, and tells source, bucket and cause.
func wantUnreachable(t *testing.T, c s3.Config, final bool, words ...string) {
	t.Helper()
	began := time.Now()
	for op, err := range ask(t, open(t, c)) {
		if !errors.Is(err, storage.ErrUnreachable) || errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%s = %v, want ErrUnreachable", op, err)
			continue
		}
		if errors.Is(err, storage.ErrDenied) != final && op != "stat" {
			t.Errorf("%s: asking again is pointless: %v, want %v (%v)", op, !final, final, err)
		}
		checked := words
		if op == "stat" {
			checked = nil // the answer to HEAD has no body to tell a cause by
		}
		for _, word := range append([]string{c.Name, c.Bucket}, checked...) {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s says %q, without %q", op, err, word)
			}
		}
		if c.SecretKey != "" && strings.Contains(err.Error(), c.SecretKey) {
			t.Errorf("%s tells the secret key", op)
		}
	}
	t.Logf("four verdicts took %s", time.Since(began))
}

func TestWhatTheStorageRefuses(t *testing.T) {
	server := s3server.Start(t)
	bucket := server.Bucket(t)
	server.Put(t, bucket, "a.dump", []byte("x"))
	for _, c := range []struct {
		name   string
		change func(*s3.Config)
		words  []string
	}{
		{"no such bucket", func(c *s3.Config) { c.Bucket = "nobody-made-this" }, []string{"the bucket does not exist", "check bucket"}},
		{"wrong secret key", func(c *s3.Config) { c.SecretKey = "wrong-and-secret" }, []string{"the signature was refused", "check secret_key"}},
		{"unknown access key", func(c *s3.Config) { c.AccessKey = "nobody" }, []string{"the access key is not known", "check access_key"}},
		{"anonymous", func(c *s3.Config) { c.AccessKey, c.SecretKey, c.Anonymous = "", "", true }, []string{"access was refused"}},
		{"wrong authority", func(c *s3.Config) { c.CAFile = "" }, []string{"TLS certificate", "authority", "ca_file"}},
		{"wrong region", func(c *s3.Config) { c.Region = "mars-north-1" }, []string{"region", s3server.Region}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := config(server, bucket)
			c.change(&cfg)
			wantUnreachable(t, cfg, true, c.words...)
		})
	}
}

func TestAnEndpointThatIsDown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	c := s3.Config{Name: "offsite", Endpoint: addr, Bucket: "acme", AccessKey: "a", SecretKey: "very-secret"}
	wantUnreachable(t, c, false, "the connection was refused", addr)

	c.Endpoint = "no-such-host.invalid"
	wantUnreachable(t, c, false, "cannot be resolved", "no-such-host.invalid")
}

func TestAnEndpointThatNeverAnswers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts in the kernel and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, insecure := range []bool{true, false} {
		c := s3.Config{Name: "offsite", Endpoint: l.Addr().String(), Bucket: "acme", AccessKey: "a", SecretKey: "very-secret",
			Insecure: insecure, AnswerTimeout: 300 * time.Millisecond}
		wantUnreachable(t, c, false, "did not answer in time")
	}
}

func TestAnEndpointWithoutTLS(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	c := s3.Config{Name: "offsite", Endpoint: strings.TrimPrefix(server.URL, "http://"), Bucket: "acme", AccessKey: "a", SecretKey: "very-secret"}
	wantUnreachable(t, c, true, "does not speak TLS")
}

// answering is a TLS server that gives every request the same answer, for what no
// server at hand can be brought to say: real S3 answers, recorded as documented.
func answering(t testing.TB, h http.HandlerFunc) s3.Config {
	t.Helper()
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return s3.Config{Name: "offsite", Endpoint: server.URL, Bucket: "acme", Region: "us-east-1",
		AccessKey: "a", SecretKey: "very-secret", CAFile: ca}
}

func refusing(status int, code, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message></Error>`, code, message)
		}
	}
}

func TestClocksTooFarApart(t *testing.T) {
	c := answering(t, refusing(http.StatusForbidden, "RequestTimeTooSkewed",
		"The difference between the request time and the current time is too large."))
	wantUnreachable(t, c, true, "clocks", "NTP")
}

func TestAnOverloadedStorage(t *testing.T) {
	c := answering(t, refusing(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate."))
	c.AnswerTimeout = time.Second
	wantUnreachable(t, c, false)
}

func TestAColdObject(t *testing.T) {
	c := answering(t, refusing(http.StatusForbidden, "InvalidObjectState", "The operation is not valid for the object's storage class"))
	_, err := open(t, c).Open(t.Context(), storage.Object{Key: "a.dump", Size: 1}, 0, -1)
	if !errors.Is(err, storage.ErrArchived) || errors.Is(err, storage.ErrUnreachable) {
		t.Errorf("Open = %v, want ErrArchived", err)
	}
	for _, x := range []struct {
		header map[string]string
		cold   bool
	}{
		{map[string]string{"X-Amz-Storage-Class": "GLACIER"}, true},
		{map[string]string{"X-Amz-Storage-Class": "DEEP_ARCHIVE"}, true},
		{map[string]string{"X-Amz-Storage-Class": "GLACIER_IR"}, false},
		{map[string]string{"X-Amz-Storage-Class": "STANDARD_IA"}, false},
		{map[string]string{"X-Amz-Storage-Class": "INTELLIGENT_TIERING", "X-Amz-Archive-Status": "ARCHIVE_ACCESS"}, true},
		{map[string]string{"X-Amz-Storage-Class": "GLACIER", "X-Amz-Restore": `ongoing-request="true"`}, true},
		{map[string]string{"X-Amz-Storage-Class": "GLACIER", "X-Amz-Restore": `ongoing-request="false", expiry-date="Fri, 21 Dec 2029 00:00:00 GMT"`}, false},
	} {
		c := answering(t, func(w http.ResponseWriter, r *http.Request) {
			for k, v := range x.header {
				w.Header().Set(k, v)
			}
			w.Header().Set("ETag", `"abc"`)
			w.Header().Set("Last-Modified", "Tue, 10 Mar 2026 12:00:00 GMT")
		})
		if o, err := open(t, c).Stat(t.Context(), "a.dump"); err != nil || o.Archived != x.cold {
			t.Errorf("%v: archived %v, %v; want %v", x.header, o.Archived, err, x.cold)
		}
	}
}

func TestServersThatIgnoreConditionsAreCaught(t *testing.T) {
	pinned := storage.Object{Key: "a.dump", Size: 10, ETag: "old", Version: "v1"}
	for _, x := range []struct {
		name   string
		header map[string]string
		offset int64
		want   error
	}{
		{"If-Match is ignored", map[string]string{"ETag": `"new"`}, 0, storage.ErrChanged},
		{"the version is ignored", map[string]string{"ETag": `"old"`, "X-Amz-Version-Id": "v2"}, 0, storage.ErrChanged},
		{"the size differs", map[string]string{"ETag": `"old"`, "Content-Range": "bytes 4-9/11"}, 4, storage.ErrChanged},
		{"the range is ignored", map[string]string{"ETag": `"old"`}, 4, nil},
		{"another range", map[string]string{"ETag": `"old"`, "Content-Range": "bytes 0-9/10"}, 4, nil},
	} {
		c := answering(t, func(w http.ResponseWriter, r *http.Request) {
			for k, v := range x.header {
				w.Header().Set(k, v)
			}
			w.Header().Set("Last-Modified", "Tue, 10 Mar 2026 12:00:00 GMT")
			io.WriteString(w, "0123456789")
		})
		r, err := open(t, c).Open(t.Context(), pinned, x.offset, -1)
		if err == nil {
			r.Close()
		}
		if err == nil || x.want != nil && !errors.Is(err, x.want) {
			t.Errorf("%s: Open = %v, want %v", x.name, err, x.want)
		}
	}
}

func TestAListingCutShortIsAnError(t *testing.T) {
	page := 0
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if page++; page > 1 {
			conn, _, _ := w.(http.Hijacker).Hijack()
			conn.Close()
			return
		}
		fmt.Fprint(w, `<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>`+
			`<Contents><Key>a</Key><Size>1</Size><LastModified>2026-03-10T12:00:00Z</LastModified></Contents></ListBucketResult>`)
	})
	c.AnswerTimeout = time.Second
	var keys []string
	var last error
	for o, err := range open(t, c).List(t.Context(), "") {
		if last = err; err == nil {
			keys = append(keys, o.Key)
		}
	}
	if !errors.Is(last, storage.ErrUnreachable) || len(keys) != 1 {
		t.Errorf("listed %q and then %v, want ErrUnreachable", keys, last)
	}
}

func TestAnAnswerWithoutEndIsNotTakenIntoMemory(t *testing.T) {
	piece := strings.Repeat("x", 1<<20)
	tests := map[string]func(w http.ResponseWriter){
		"a listing": func(w http.ResponseWriter) { fmt.Fprint(w, "<ListBucketResult><Name>") },
		"an error": func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, "<Error><Message>")
		},
	}
	for name, begin := range tests {
		sent := 0 // MiB, the last time
		c := answering(t, func(w http.ResponseWriter, r *http.Request) {
			begin(w)
			for sent = 0; sent < 200; sent++ {
				if _, err := io.WriteString(w, piece); err != nil {
					return
				}
			}
		})
		for _, err := range open(t, c).List(t.Context(), "") {
			if err == nil {
				t.Errorf("%s: an object came of it", name)
			}
		}
		if sent >= 200 {
			t.Errorf("%s: all of it was read", name)
		}
	}
}

func TestBadConfigurationsAreRefused(t *testing.T) {
	good := s3.Config{Name: "offsite", Endpoint: "s3.example.com", Bucket: "acme", AccessKey: "a", SecretKey: "very-secret"}
	for name, change := range map[string]func(*s3.Config){
		"no bucket":               func(c *s3.Config) { c.Bucket = "" },
		"half a key":              func(c *s3.Config) { c.SecretKey = "" },
		"anonymous with key":      func(c *s3.Config) { c.Anonymous = true },
		"another scheme":          func(c *s3.Config) { c.Endpoint = "ftp://s3.example.com" },
		"path in endpoint":        func(c *s3.Config) { c.Endpoint = "https://s3.example.com/acme" },
		"credentials in endpoint": func(c *s3.Config) { c.Endpoint = "https://u:very-secret@s3.example.com" },
		"no host":                 func(c *s3.Config) { c.Endpoint = "https://" },
		"https and insecure":      func(c *s3.Config) { c.Endpoint, c.Insecure = "https://s3.example.com", true },
		"unknown style":           func(c *s3.Config) { c.PathStyle = "sideways" },
		"no CA file":              func(c *s3.Config) { c.CAFile = "/nowhere/ca.pem" },
		"CA file without CA":      func(c *s3.Config) { c.CAFile = "bad_test.go" },
	} {
		c := good
		change(&c)
		if _, err := s3.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		} else if !strings.Contains(err.Error(), "offsite") || strings.Contains(err.Error(), "very-secret") {
			t.Errorf("%s: %q must name the source and no secret", name, err)
		}
	}
	for _, endpoint := range []string{"", "s3.example.com", "s3.example.com:9000", "https://s3.example.com/", "http://127.0.0.1:9000"} {
		c := good
		c.Endpoint = endpoint
		if _, err := s3.New(c); err != nil {
			t.Errorf("endpoint %q: %v", endpoint, err)
		}
	}
}

func TestABodyThatIsCutIsNoWholeBody(t *testing.T) {
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		conn, buf, _ := w.(http.Hijacker).Hijack()
		defer conn.Close()
		writeCut(buf.Writer)
	})
	r, err := open(t, c).Open(t.Context(), storage.Object{Key: "a.dump", Size: 10, ETag: "e"}, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, err := io.ReadAll(r); err == nil {
		t.Errorf("read %q of 10 bytes without an error", b)
	}
}

func writeCut(w *bufio.Writer) {
	fmt.Fprint(w, "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nLast-Modified: Tue, 10 Mar 2026 12:00:00 GMT\r\nContent-Length: 10\r\n\r\n01234")
	w.Flush()
}
