// Package s3server starts a real S3 server for tests: versitygw over TLS, with a
// throw-away certificate authority, in a temporary folder, gone with the test.
package s3server

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"lifeboat/internal/testkit"
)

// Region is the region every server says it is in.
const Region = "us-east-1"

// startTimeout bounds the wait for the server's first answer.
const startTimeout = 20 * time.Second

// Server is a running S3 server.
type Server struct {
	Endpoint  string // https://127.0.0.1:port
	Host      string // 127.0.0.1:port
	AccessKey string
	SecretKey string
	CAFile    string        // PEM file of the authority that signed the certificate
	Client    *minio.Client // may do everything; for preparing a test
	Core      minio.Core    // the same, for single steps of an upload
}

// Start starts a server that ends with the test, with settings such as VGW_DEBUG=true in its
// environment. Without the versitygw program in .bin the test fails, see testkit.Need.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	program := filepath.Join(repoRoot(t), ".bin", "versitygw")
	_, err := os.Stat(program)
	testkit.Need(t, ".bin/versitygw", err == nil)
	var server *Server
	for range 3 { // another process may take the port between our look and its use
		if server, err = start(t, program, settings); err == nil {
			return server
		}
	}
	t.Fatalf("start versitygw: %v", err)
	return nil
}

func start(t testing.TB, program string, settings []string) (*Server, error) {
	dir := t.TempDir()
	files, err := writeCertificate(dir)
	if err != nil {
		return nil, err
	}
	host, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s := &Server{Endpoint: "https://" + host, Host: host, AccessKey: "tester", SecretKey: random(16), CAFile: files.ca}
	buckets, versions := filepath.Join(dir, "buckets"), filepath.Join(dir, "versions")
	for _, d := range []string{buckets, versions} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return nil, err
		}
	}
	// The server changes its working folder, so every path is absolute. It closes each
	// connection after one answer unless told not to, as no other S3 server does.
	cmd := exec.Command(program, "--quiet", "--keep-alive", "--port", host, "--region", Region, "--cert", files.cert, "--key", files.key,
		"posix", "--versioning-dir", versions, buckets)
	cmd.Env = append(append(os.Environ(), "ROOT_ACCESS_KEY="+s.AccessKey, "ROOT_SECRET_KEY="+s.SecretKey), settings...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.SysProcAttr = dieWithParent()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	gone := make(chan struct{})
	go func() { cmd.Wait(); close(gone) }()
	stop := func() { cmd.Process.Kill(); <-gone }
	err = s.connect(files.pool)
	if err == nil {
		err = s.await(gone)
	}
	if err != nil {
		stop()
		return nil, fmt.Errorf("no answer on %s: %w: %s", host, err, output.String())
	}
	t.Cleanup(stop)
	return s, nil
}

// connect makes the clients that prepare tests.
func (s *Server) connect(roots *x509.CertPool) error {
	core, err := minio.NewCore(s.Host, &minio.Options{
		Creds: credentials.NewStaticV4(s.AccessKey, s.SecretKey, ""), Secure: true, Region: Region,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
	})
	if err != nil {
		return err
	}
	s.Core, s.Client = *core, core.Client
	return nil
}

// await asks until the server answers or is gone.
func (s *Server) await(gone <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if conn, err := net.Dial("tcp", s.Host); err == nil {
			conn.Close()
			_, err = s.Client.ListBuckets(ctx)
			return err
		}
		select {
		case <-gone:
			return errors.New("it ended")
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Bucket makes an empty bucket of a name not used before.
func (s *Server) Bucket(t testing.TB) string {
	t.Helper()
	name := "bucket-" + random(6)
	if err := s.Client.MakeBucket(t.Context(), name, minio.MakeBucketOptions{}); err != nil {
		t.Fatalf("make bucket: %v", err)
	}
	return name
}

// Put stores an object, with user metadata if given.
func (s *Server) Put(t testing.TB, bucket, key string, content []byte, metadata ...map[string]string) {
	t.Helper()
	o := minio.PutObjectOptions{}
	for _, m := range metadata {
		o.UserMetadata = m
	}
	if _, err := s.Client.PutObject(t.Context(), bucket, key, bytes.NewReader(content), int64(len(content)), o); err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
}

// Remove deletes an object.
func (s *Server) Remove(t testing.TB, bucket, key string) {
	t.Helper()
	if err := s.Client.RemoveObject(t.Context(), bucket, key, minio.RemoveObjectOptions{}); err != nil {
		t.Fatalf("remove %s: %v", key, err)
	}
}

func random(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// repoRoot is the nearest folder upwards that holds go.mod.
func repoRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the working folder")
		}
		dir = parent
	}
}
