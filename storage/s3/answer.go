package s3

import (
	"errors"
	"io"
	"net/http"
)

// maxAnswer bounds what is read of an answer that is no object: a page of a listing or
// the text of an error. A page of a thousand of the longest keys, all of their letters
// escaped, has half of it.
const maxAnswer = 16 << 20

var errLongAnswer = errors.New("the answer does not end")

// boundedTransport keeps a storage from filling our memory. The SDK takes the texts of a
// listing and of an error into memory whole, however long they are.
type boundedTransport struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t boundedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(req)
	if err == nil && !bringsObject(req, resp) {
		resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxAnswer}
	}
	return resp, err
}

// bringsObject reports whether the body of resp is the content of an object, which is
// streamed.
func bringsObject(req *http.Request, resp *http.Response) bool {
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusPartialContent {
		return false
	}
	q := req.URL.Query()
	return !q.Has("list-type") && !q.Has("uploads") && !q.Has("location")
}

// boundedBody is a body that may bring no more than left bytes.
type boundedBody struct {
	io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errLongAnswer
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
