package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lifeboat/web/access"
	"lifeboat/web/api"
	"lifeboat/web/server"
)

// certificate writes a new certificate for localhost and returns its serial number.
func certificate(t *testing.T, cert, key string, serial int64) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	pk, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pk}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Unix(1_800_000_000+serial, 0) // file systems with coarse clocks would not tell two writes apart
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

func TestACertificateIsRenewedWithoutARestart(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certificate(t, cert, key, 1)
	var mu sync.Mutex
	ahead := time.Duration(0)
	s := start(t, pages(nil, nil), func(c *server.Config, _ *access.Config) {
		c.Cert, c.Key = cert, key
		c.Now = func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return time.Now().Add(ahead)
		}
	})
	serial := func() int64 {
		t.Helper()
		mu.Lock()
		ahead += time.Minute
		mu.Unlock()
		conn, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if conn.ConnectionState().Version < tls.VersionTLS12 {
			t.Errorf("TLS %x was agreed on", conn.ConnectionState().Version)
		}
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Errorf("the certificate is number %d, want 1", got)
	}
	certificate(t, cert, key, 2)
	if got := serial(); got != 2 {
		t.Errorf("after a renewal it is number %d, want 2", got)
	}
	if err := os.WriteFile(cert, []byte("half a fi"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != 2 || !strings.Contains(s.log.String(), "certificate not renewed") {
		t.Errorf("with a broken file it is number %d, want 2, and a log line", got)
	}
	if _, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
}

func TestABrokenCertificateKeepsTheServerFromStarting(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certificate(t, cert, key, 1)
	if err := os.WriteFile(key, []byte("SECRET KEY MATERIAL"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := server.New(server.Config{Cert: cert, Key: key, Now: time.Now, Guard: access.New(access.Config{}), Pages: http.NotFoundHandler(),
		Metrics: http.NotFoundHandler(), API: &api.API{}})
	if err == nil || strings.Contains(err.Error(), "SECRET") || !strings.Contains(err.Error(), cert) {
		t.Errorf("New = %v, want an error that names the file and not what is in it", err)
	}
	if _, err := server.New(server.Config{Cert: cert, Key: key + ".absent", Now: time.Now, Guard: access.New(access.Config{}),
		Pages: http.NotFoundHandler(), Metrics: http.NotFoundHandler(), API: &api.API{}}); err == nil {
		t.Error("a missing key is no error")
	}
}
