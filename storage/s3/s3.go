// Package s3 reads backups from S3-compatible object storage. It only lists, looks
// and reads; no call that writes is ever made.
package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const (
	// answerTimeout bounds one operation until its answer begins, retries included.
	answerTimeout = 20 * time.Second
	dialTimeout   = 5 * time.Second
	// readTimeout is how long an open connection may give no byte.
	readTimeout = 30 * time.Second
	// credentialTimeout bounds one question to a metadata or token service.
	credentialTimeout = 5 * time.Second
	roleDialTimeout   = time.Second
	// maxAttempts is how often the SDK sends a request that fails in passing.
	maxAttempts = 5
	// awsEndpoint is used when none is configured.
	awsEndpoint = "s3.amazonaws.com"
)

// Ways to address a bucket, for Config.PathStyle.
const (
	StyleAuto    = "auto"    // what suits the endpoint; also the empty string
	StylePath    = "path"    // https://endpoint/bucket/key
	StyleVirtual = "virtual" // https://bucket.endpoint/key
)

// Config says where a bucket is and how to be let in.
type Config struct {
	Name     string // of the source
	Endpoint string // URL or host[:port]; Amazon's when empty
	Region   string // found out when empty
	Bucket   string
	// Prefix is a folder in the bucket that is taken for its top: keys are relative to it.
	Prefix string
	// AccessKey, SecretKey and SessionToken are static credentials. Without them the
	// environment, the shared credentials file and the machine's role are asked.
	AccessKey, SecretKey, SessionToken string
	Anonymous                          bool   // send no credentials at all
	CAFile                             string // certificates to trust besides the system's, PEM
	Insecure                           bool   // plain HTTP
	PathStyle                          string // StyleAuto, StylePath or StyleVirtual
	// AnswerTimeout bounds the wait for the answer to one operation, retries
	// included; 20 s when zero.
	AnswerTimeout time.Duration
}

// Source is a bucket. It implements storage.Source and storage.UploadLister.
type Source struct {
	name     string
	endpoint string // as shown in messages, with the scheme
	bucket   string
	prefix   string // empty, or ending in a slash
	answer   time.Duration
	core     minio.Core
	// creds is asked only to explain a refusal.
	creds *credentials.Credentials
}

// New makes a source. Nothing is sent yet; an error is about the configuration.
func New(c Config) (*Source, error) {
	s, err := newSource(c)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", c.Name, err)
	}
	return s, nil
}

func newSource(c Config) (*Source, error) {
	if c.Bucket == "" {
		return nil, errors.New("the bucket is not named")
	}
	host, secure, err := endpoint(c)
	if err != nil {
		return nil, err
	}
	lookup, err := lookup(c.PathStyle)
	if err != nil {
		return nil, err
	}
	transport, err := newTransport(c.CAFile)
	if err != nil {
		return nil, err
	}
	creds, err := newCredentials(c)
	if err != nil {
		return nil, err
	}
	client, err := minio.New(host, &minio.Options{
		Creds: creds, Secure: secure, Transport: boundedTransport{watchedTransport{transport}}, Region: c.Region,
		BucketLookup: lookup, MaxRetries: maxAttempts,
	})
	if err != nil {
		return nil, fmt.Errorf("endpoint %q: %w", c.Endpoint, err)
	}
	s := &Source{
		name: c.Name, endpoint: client.EndpointURL().String(), bucket: c.Bucket,
		answer: c.AnswerTimeout, core: minio.Core{Client: client}, creds: creds,
	}
	if s.answer <= 0 {
		s.answer = answerTimeout
	}
	if p := strings.Trim(c.Prefix, "/"); p != "" {
		s.prefix = p + "/"
	}
	return s, nil
}

// Name implements storage.Source.
func (s *Source) Name() string { return s.name }

// endpoint reads host and scheme from a URL or a bare host.
func endpoint(c Config) (host string, secure bool, err error) {
	secure = !c.Insecure
	text := c.Endpoint
	if text == "" {
		return awsEndpoint, secure, nil
	}
	if !strings.Contains(text, "://") {
		text = "https://" + text
		if c.Insecure {
			text = "http://" + c.Endpoint
		}
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return "", false, fmt.Errorf("endpoint %q is neither a URL nor host:port", c.Endpoint)
	case u.Scheme != "https" && u.Scheme != "http":
		return "", false, fmt.Errorf("endpoint %q: the scheme must be https or http", c.Endpoint)
	case u.User != nil:
		return "", false, errors.New("endpoint: credentials do not belong into the URL")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return "", false, fmt.Errorf("endpoint %q must end after the host; bucket and prefix have their own keys", c.Endpoint)
	case u.Scheme == "https" && c.Insecure:
		return "", false, fmt.Errorf("endpoint %q says https, and insecure asks for plain HTTP", c.Endpoint)
	}
	return u.Host, u.Scheme == "https", nil
}

func lookup(style string) (minio.BucketLookupType, error) {
	switch style {
	case "", StyleAuto:
		return minio.BucketLookupAuto, nil
	case StylePath:
		return minio.BucketLookupPath, nil
	case StyleVirtual:
		return minio.BucketLookupDNS, nil
	}
	return 0, fmt.Errorf("path style %q is none of %s, %s, %s", style, StyleAuto, StylePath, StyleVirtual)
}

func newCredentials(c Config) (*credentials.Credentials, error) {
	switch {
	case c.Anonymous && c.AccessKey != "":
		return nil, errors.New("anonymous access and an access key exclude each other")
	case c.Anonymous:
		return credentials.NewStatic("", "", "", credentials.SignatureAnonymous), nil
	case (c.AccessKey == "") != (c.SecretKey == ""):
		return nil, errors.New("access key and secret key belong together; one of them is empty")
	case c.AccessKey != "":
		return credentials.NewStaticV4(c.AccessKey, c.SecretKey, c.SessionToken), nil
	}
	return credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{}, &credentials.EnvMinio{}, &credentials.FileAWSCredentials{},
		&credentials.IAM{Client: roleClient(), Region: c.Region},
	}), nil
}

// roleClient asks a metadata or token service. Where there is none, nobody answers at
// its address: hence the short dial.
func roleClient() *http.Client {
	dialer := &net.Dialer{Timeout: roleDialTimeout}
	return &http.Client{Timeout: credentialTimeout,
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, DisableKeepAlives: true}}
}

// newTransport is HTTP/1.1 on purpose: parallel ranges then use parallel connections.
func newTransport(caFile string) (*http.Transport, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("certificate authority: %w", err)
		}
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("certificate authority: %s holds no PEM certificate", caFile)
		}
	}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return patientConn{conn}, nil
		},
		TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: answerTimeout,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       readTimeout,
		ReadBufferSize:        64 << 10,
		DisableCompression:    true, // stored bytes are what we verify
	}, nil
}

// patientConn gives up on a read that brings nothing for readTimeout. The time a
// reader takes between two reads does not count.
type patientConn struct{ net.Conn }

// Read implements io.Reader.
func (c patientConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(readTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}
