package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"

	"github.com/minio/minio-go/v7"

	"lifeboat/storage"
)

// errNoAnswer is the cause of a context ended by the watchdog.
var errNoAnswer = errors.New("no answer in time")

// uselessError is the cause of a context ended because trying again is useless.
type uselessError struct{ error }

func (e uselessError) Unwrap() error { return e.error }

// watchedTransport ends the whole operation at an error that would come again at every
// try, such as a certificate that is not trusted: the SDK would go on trying. Other
// errors it remembers, to explain an operation that ran out of time with them.
type watchedTransport struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t watchedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(req)
	w, watched := req.Context().Value(watchdogKey{}).(*watchdog)
	switch {
	case err == nil || !watched || req.Context().Err() != nil:
	case explainNetwork(err).final:
		w.cancel(uselessError{err})
	default:
		w.last.Store(&err)
	}
	return resp, err
}

// watchdogKey finds the watchdog of an operation in its context.
type watchdogKey struct{}

// reason is why ctx ended an operation, in the words of what went wrong below. It is
// nil unless we ended it ourselves.
func reason(ctx context.Context) error {
	cause := context.Cause(ctx)
	var useless uselessError
	switch {
	case errors.As(cause, &useless):
		return useless.error
	case !errors.Is(cause, errNoAnswer):
		return nil
	}
	if w, ok := ctx.Value(watchdogKey{}).(*watchdog); ok && w.last.Load() != nil {
		return *w.last.Load()
	}
	return errNoAnswer
}

// translate says what an error of the SDK means for the caller, in words for a
// person, and keeps the SDK's own words behind them.
func (s *Source) translate(ctx context.Context, op, key string, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		if err = reason(ctx); err == nil {
			return fmt.Errorf("%s %s: %w", op, s.where(key), cause) // the caller's own decision
		}
	}
	e := explain(err)
	if e.denied && s.unsigned() {
		e.why = "access was refused, and no credentials were found"
		e.next = "set access_key and secret_key, or provide credentials by environment, file or role"
	}
	switch {
	case !errors.Is(e.kind, storage.ErrUnreachable):
		return fmt.Errorf("%s %s: %w: %w", op, s.where(key), e.kind, err)
	case e.final:
		err = storage.Denied(err)
	}
	return fmt.Errorf("%s %s: %w: %s; %s: %w", op, s.where(key), e.kind, e.why, e.next, err)
}

// where names the object, the source and what stands behind it.
func (s *Source) where(key string) string {
	if key != "" {
		key += " of "
	}
	return fmt.Sprintf("%s%s (bucket %s at %s)", key, s.name, s.bucket, s.endpoint)
}

// unsigned reports whether requests carry no signature although one was wanted.
func (s *Source) unsigned() bool {
	v, err := s.creds.GetWithContext(nil)
	return err == nil && v.SignerType.IsAnonymous()
}

// explanation is what an error means.
type explanation struct {
	kind      error  // sentinel of package storage
	why, next string // cause and next step, when kind is ErrUnreachable
	final     bool   // asking again does not help
	denied    bool   // the storage does not want us
}

func unreachable(why, next string) explanation {
	return explanation{kind: storage.ErrUnreachable, why: why, next: next}
}

func refused(why, next string) explanation {
	return explanation{kind: storage.ErrUnreachable, why: why, next: next, final: true}
}

func explain(err error) explanation {
	var answer minio.ErrorResponse
	if errors.As(err, &answer) {
		return explainAnswer(answer)
	}
	return explainNetwork(err)
}

// explainAnswer explains an answer of the storage by its code.
func explainAnswer(a minio.ErrorResponse) explanation {
	switch a.Code {
	case "NoSuchKey", "NoSuchVersion", "MethodNotAllowed": // the last is a delete marker's
		return explanation{kind: storage.ErrNotFound}
	case "PreconditionFailed", "InvalidRange":
		return explanation{kind: storage.ErrChanged}
	case "InvalidObjectState":
		return explanation{kind: storage.ErrArchived}
	case "NoSuchBucket", "InvalidBucketName":
		return refused("the bucket does not exist there", "check bucket and endpoint")
	case "SignatureDoesNotMatch":
		return refused("the signature was refused", "check secret_key, and region if the storage wants one")
	case "InvalidAccessKeyId", "XAdminUserNotFound": // the second is versitygw's
		return refused("the access key is not known there", "check access_key and endpoint")
	case "ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired":
		return refused("the credentials have expired", "renew the session token")
	case "RequestTimeTooSkewed", "RequestExpired":
		return refused("the clocks of this machine and of the storage are too far apart", "set this machine's clock, best by NTP")
	case "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "InvalidRegion", "IllegalLocationConstraintException":
		next := "set region to the bucket's own"
		if a.Region != "" {
			next = "set region to " + a.Region
		}
		return refused("the bucket lies in another region", next)
	case "SlowDown", "SlowDownRead", "TooManyRequests", "ServiceUnavailable", "Throttling", "RequestLimitExceeded":
		return unreachable("it is overloaded and asks for patience", "try again later")
	}
	switch {
	case a.Code == "AccessDenied" || a.StatusCode == http.StatusForbidden || a.StatusCode == http.StatusUnauthorized:
		e := refused("access was refused", "check the credentials and that they may list the bucket and read its objects")
		e.denied = true
		return e
	case a.StatusCode == http.StatusPreconditionFailed || a.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return explanation{kind: storage.ErrChanged}
	case a.StatusCode >= http.StatusInternalServerError:
		return unreachable(fmt.Sprintf("it answered with status %d", a.StatusCode), "look at the storage's own health")
	}
	return unreachable(fmt.Sprintf("it answered with status %d and code %q", a.StatusCode, a.Code), "check endpoint and bucket")
}

// explainNetwork explains why there was no answer of the storage at all.
func explainNetwork(err error) explanation {
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		dns       *net.DNSError
		timeout   net.Error
	)
	switch {
	case errors.As(err, &authority):
		return refused("its TLS certificate is signed by an authority this machine does not trust", "set ca_file to that authority's certificate")
	case errors.As(err, &host):
		return refused("its TLS certificate is for another name", "check endpoint and path_style")
	case errors.As(err, &invalid):
		return refused("its TLS certificate is not valid", "check that it has not expired and that this machine's clock is right")
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return refused("it does not speak TLS", "use an http:// endpoint if plain HTTP is meant")
	case errors.As(err, &dns):
		return unreachable("the name "+dns.Name+" cannot be resolved", "check endpoint and DNS")
	case errors.Is(err, syscall.ECONNREFUSED):
		return unreachable("the connection was refused", "check that the storage runs and that the port is right")
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return unreachable("there is no route to it", "check the network and firewalls")
	case errors.Is(err, errNoAnswer), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return unreachable("it did not answer in time", "check the network, firewalls and proxies between here and there")
	}
	return unreachable("the connection failed", "check endpoint and network")
}
