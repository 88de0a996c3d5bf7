// Package webhook posts alerts as JSON to an address. It follows no redirects.
//
// The body is the alert with "schema": "lifeboat.alert/v1" and, where it follows from a
// drill, the whole report under "report". These headers come with it:
//
//	X-Lifeboat-Alert      the id of the alert. The same alert may come twice, when an answer
//	                      was lost: a receiver ignores an id it has seen.
//	X-Lifeboat-Timestamp  when it was sent, in seconds since 1970-01-01 UTC.
//	X-Lifeboat-Signature  "v1=" and the HMAC-SHA256, in lower-case hex, of the timestamp, a
//	                      dot and the body as it came, under the secret both ends share.
//	                      Missing when no secret is configured.
//
// A receiver computes the signature over the bytes it got, compares it in constant time,
// and refuses a timestamp more than five minutes from its own clock. Verify does all that.
//
// Any 2xx is success. 429 and 503 are tried again after their Retry-After, other 5xx, 408,
// 409 and 425 later; every other status means that this alert will never be taken.
package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"lifeboat/notify"
	"lifeboat/notify/internal/wire"
)

// Schema names the form of the body.
const Schema = "lifeboat.alert/v1"

// Headers of a request.
const (
	HeaderAlert     = "X-Lifeboat-Alert"
	HeaderTimestamp = "X-Lifeboat-Timestamp"
	HeaderSignature = "X-Lifeboat-Signature"
)

// Tolerance is how far the clocks of the two ends may be apart.
const Tolerance = 5 * time.Minute

// version of the signature.
const version = "v1="

// Config of a notifier.
type Config struct {
	URL    string
	Secret string // key of the signature; empty: not signed
	Now    func() time.Time
}

// New makes a notifier.
func New(c Config) (notify.Notifier, error) {
	if err := wire.CheckAddress(c.URL); err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	if c.Now == nil {
		return nil, errors.New("webhook needs a clock")
	}
	n := &notifier{url: wire.Hide(c.URL), secret: wire.Hide(c.Secret), now: c.Now}
	n.client = wire.Client{Secrets: []wire.Secret{n.url, n.secret}}
	return n, nil
}

type notifier struct {
	url, secret wire.Secret
	client      wire.Client
	now         func() time.Time
}

// payload is the body of a request.
type payload struct {
	Schema string `json:"schema"`
	notify.Alert
}

// Send implements notify.Notifier. There are no threads; receivers tell a repetition by
// the alert's id.
func (n *notifier) Send(ctx context.Context, m notify.Message) (string, error) {
	body, err := json.Marshal(payload{Schema, m.Alert})
	if err != nil {
		return "", fmt.Errorf("webhook: %w", err)
	}
	req, err := wire.NewRequest(ctx, http.MethodPost, n.url(), "application/json", body)
	if err != nil {
		return "", fmt.Errorf("webhook: %w", err)
	}
	stamp := strconv.FormatInt(n.now().Unix(), 10)
	req.Header.Set(HeaderAlert, m.Alert.ID)
	req.Header.Set(HeaderTimestamp, stamp)
	if secret := n.secret(); secret != "" {
		req.Header.Set(HeaderSignature, version+hex.EncodeToString(sign(secret, stamp, body)))
	}
	resp, err := n.client.Do(req)
	if err != nil {
		return "", fmt.Errorf("webhook: %w", err)
	}
	if err := n.client.Check(resp); err != nil {
		return "", fmt.Errorf("webhook: %w", err)
	}
	return "", nil
}

func sign(secret, stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	return mac.Sum(nil)
}

// Errors of Verify.
var (
	ErrUnsigned = errors.New("the request is not signed")
	ErrForged   = errors.New("the signature does not match")
	ErrOld      = errors.New("the request is not of now")
)

// Verify reports whether a request came from whoever knows secret, unchanged and now. It
// is for receivers; they keep the ids of alerts they have seen for as long as Tolerance
// and ignore those that come again.
func Verify(secret string, h http.Header, body []byte, now time.Time) error {
	if secret == "" {
		return errors.New("there is no secret to verify with")
	}
	stamp := h.Get(HeaderTimestamp)
	given, ok := strings.CutPrefix(h.Get(HeaderSignature), version)
	if !ok || stamp == "" {
		return ErrUnsigned
	}
	mac, err := hex.DecodeString(given)
	if err != nil || !hmac.Equal(mac, sign(secret, stamp, body)) {
		return ErrForged
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return ErrForged
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > Tolerance || age < -Tolerance {
		return ErrOld
	}
	return nil
}
