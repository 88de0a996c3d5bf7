package s3_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"lifeboat/internal/testkit/s3server"
	"lifeboat/storage"
	"lifeboat/storage/s3"
	"lifeboat/storage/storagetest"
)

func config(server *s3server.Server, bucket string) s3.Config {
	return s3.Config{
		Name: "offsite", Endpoint: server.Endpoint, Bucket: bucket, Region: s3server.Region,
		AccessKey: server.AccessKey, SecretKey: server.SecretKey, CAFile: server.CAFile,
	}
}

func open(t testing.TB, c s3.Config) *s3.Source {
	t.Helper()
	s, err := s3.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	server := s3server.Start(t)
	for _, prefix := range []string{"", "team/backups"} {
		t.Run("prefix "+prefix, func(t *testing.T) {
			storagetest.Run(t, func(t testing.TB) storagetest.Fixture {
				c := config(server, server.Bucket(t))
				top := ""
				if prefix != "" {
					c.Prefix, top = prefix, prefix+"/"
				}
				return storagetest.Fixture{
					Source: open(t, c),
					Put:    func(t testing.TB, key, content string) { server.Put(t, c.Bucket, top+key, []byte(content)) },
					Remove: func(t testing.TB, key string) { server.Remove(t, c.Bucket, top+key) },
				}
			})
		})
	}
}

func TestStatTellsChecksumsMetadataAndVersion(t *testing.T) {
	server := s3server.Start(t)
	bucket := server.Bucket(t)
	if err := server.Client.EnableVersioning(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
	content := []byte("a dump")
	sum := sha256.Sum256(content)
	_, err := server.Client.PutObject(t.Context(), bucket, "a.dump", bytes.NewReader(content), int64(len(content)), minio.PutObjectOptions{
		UserMetadata: map[string]string{"mtime": "1772931723.5", "X-Amz-Checksum-Sha256": base64.StdEncoding.EncodeToString(sum[:])}})
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, config(server, bucket))
	first, err := s.Stat(t.Context(), "a.dump")
	if err != nil {
		t.Fatal(err)
	}
	if first.Version == "" || first.Metadata["mtime"] != "1772931723.5" {
		t.Errorf("Stat = %+v, want a version and mtime", first)
	}
	if got := first.Checksums["sha256"]; got != hex.EncodeToString(sum[:]) {
		t.Errorf("stored SHA-256 is %q, want %x", got, sum)
	}

	// A pinned version is read even when a newer one was put over it.
	server.Put(t, bucket, "a.dump", []byte("another dump"))
	r, err := s.Open(t.Context(), first, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != "a dump" {
		t.Errorf("the first version reads %q, %v", got, err)
	}
}

func TestLocateOnARealServer(t *testing.T) {
	server := s3server.Start(t)
	bucket := server.Bucket(t)
	if err := server.Client.EnableVersioning(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("newest"))
	server.Put(t, bucket, "pg/orders-20260309T000000Z.dump", []byte("newest"))
	server.Put(t, bucket, "pg/orders-20260309T000000Z.dump.sha256", []byte(hex.EncodeToString(sum[:])))
	server.Put(t, bucket, "pg/orders-20260308T000000Z.dump", []byte("put last, made first"))
	if _, err := server.Core.NewMultipartUpload(t.Context(), bucket, "pg/orders-20260310T000000Z.dump", minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	s := open(t, config(server, bucket))
	p, err := storage.ParsePattern("pg/orders-{time:20060102T150405Z}.dump")
	if err != nil {
		t.Fatal(err)
	}
	found, err := storage.Locate(t.Context(), s, storage.Query{Pattern: p, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Artifacts) != 3 || !strings.Contains(found.Artifacts[0].Unfinished, "never completed") {
		t.Fatalf("found %+v, want the unfinished upload first of three", found.Artifacts)
	}
	newest, ok := found.Newest()
	if !ok || newest.Key != "pg/orders-20260309T000000Z.dump" || newest.Version() == "" {
		t.Fatalf("newest is %+v, want the one of 9 March with its version", newest)
	}
	sums, err := storage.ReadSidecars(t.Context(), s, newest)
	if err != nil || len(sums) == 0 || sums[0].Hex != hex.EncodeToString(sum[:]) {
		t.Errorf("sums %+v, %v", sums, err)
	}
	r := storage.NewReader(t.Context(), s, newest.Parts, storage.ReadOptions{})
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != "newest" {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestReaderOnARealServer(t *testing.T) {
	server := s3server.Start(t)
	bucket := server.Bucket(t)
	content := make([]byte, 20<<20)
	rand.NewChaCha8([32]byte{2}).Read(content)
	server.Put(t, bucket, "big.dump", content)
	s := open(t, config(server, bucket))
	o, err := s.Stat(t.Context(), "big.dump")
	if err != nil {
		t.Fatal(err)
	}
	flaky := storagetest.NewFaulty(s, func(call int, _ storage.Object, _, _ int64) storagetest.Fault {
		if call%3 == 2 {
			return storagetest.Fault{Cut: storagetest.ErrCut, CutAfter: 1 << 20}
		}
		return storagetest.Fault{}
	})
	r := storage.NewReader(t.Context(), flaky, []storage.Object{o}, storage.ReadOptions{})
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
		t.Errorf("read %d bytes, %v; want the %d stored", len(got), err, len(content))
	}

	r = storage.NewReader(t.Context(), s, []storage.Object{o}, storage.ReadOptions{})
	defer r.Close()
	if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	server.Put(t, bucket, "big.dump", content[:len(content)-1])
	if n, err := io.Copy(io.Discard, r); !errors.Is(err, storage.ErrChanged) {
		t.Errorf("replaced in mid-read: %d bytes more and %v, want ErrChanged", n, err)
	}
}

func TestCredentialsComeFromTheEnvironment(t *testing.T) {
	server := s3server.Start(t)
	bucket := server.Bucket(t)
	c := config(server, bucket)
	c.AccessKey, c.SecretKey = "", ""
	t.Setenv("AWS_ACCESS_KEY_ID", server.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", server.SecretKey)
	for _, err := range open(t, c).List(t.Context(), "") {
		t.Errorf("List: %v", err)
	}

	file := filepath.Join(t.TempDir(), "credentials")
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", server.AccessKey, server.SecretKey)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	for _, err := range open(t, c).List(t.Context(), "") {
		t.Errorf("List: %v", err)
	}

	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	role := httptest.NewServer(http.NotFoundHandler()) // a metadata service that knows no role
	defer role.Close()
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", role.URL)
	for _, err := range open(t, c).List(t.Context(), "") {
		if !errors.Is(err, storage.ErrDenied) || !strings.Contains(err.Error(), "no credentials were found") {
			t.Errorf("without any credentials List = %v", err)
		}
	}
}

// TestBucketStyles looks at the host that is asked. A name below .localhost would have
// to be resolved, so that the virtual style is told from its failure to resolve.
func TestBucketStyles(t *testing.T) {
	c := answering(t, refusing(http.StatusNotFound, "NoSuchKey", "no"))
	c.PathStyle = s3.StylePath
	if _, err := open(t, c).Open(t.Context(), storage.Object{Key: "a.dump", Size: 1}, 0, -1); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("path style: %v", err)
	}
	c.Endpoint, c.PathStyle, c.AnswerTimeout = "https://storage.invalid", s3.StyleVirtual, time.Second
	if _, err := open(t, c).Stat(t.Context(), "a.dump"); err == nil || !strings.Contains(err.Error(), "acme.storage.invalid") {
		t.Errorf("virtual style: %v, want the bucket in the host's name", err)
	}
}

// TestAHundredThousandObjects counts pages instead of measuring memory: a page is
// fetched only when the one before it has been used up.
func TestAHundredThousandObjects(t *testing.T) {
	const total, page = 100_000, 1000
	served := 0
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.Atoi(r.URL.Query().Get("continuation-token"))
		if r.URL.Query().Get("prefix") != "pg/o-" || r.Method == http.MethodHead || r.URL.Query().Has("uploads") {
			refusing(http.StatusNotImplemented, "NotImplemented", "no")(w, r)
			return
		}
		served++
		fmt.Fprintf(w, `<ListBucketResult><IsTruncated>%t</IsTruncated><NextContinuationToken>%d</NextContinuationToken>`, from+page < total, from+page)
		for i := from; i < from+page; i++ {
			fmt.Fprintf(w, `<Contents><Key>pg/o-%06d</Key><Size>%d</Size><ETag>"e"</ETag><LastModified>2026-03-10T12:00:00Z</LastModified></Contents>`, i, i)
		}
		fmt.Fprint(w, `</ListBucketResult>`)
	})
	s := open(t, c)
	n := 0
	for o, err := range s.List(t.Context(), "pg/o-") {
		if err != nil {
			t.Fatal(err)
		}
		if o.Size != int64(n) {
			t.Fatalf("object %d is %s", n, o.Key)
		}
		if n++; served > (n-1)/page+1 {
			t.Fatalf("%d pages fetched for %d objects", served, n)
		}
	}
	if n != total {
		t.Errorf("%d objects listed, want %d", n, total)
	}
}

func TestListingOfSeveralPagesOnARealServer(t *testing.T) {
	server := s3server.Start(t)
	bucket := server.Bucket(t)
	const total = 1050 // a page holds 1000
	var puts sync.WaitGroup
	const hands = 8
	for hand := range hands {
		puts.Go(func() {
			for i := hand; i < total; i += hands {
				key := fmt.Sprintf("pg/o-%04d", i)
				if _, err := server.Client.PutObject(t.Context(), bucket, key, http.NoBody, 0, minio.PutObjectOptions{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	puts.Wait()
	n := 0
	for o, err := range open(t, config(server, bucket)).List(t.Context(), "pg/") {
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("pg/o-%04d", n); o.Key != want {
			t.Fatalf("object %d is %s, want %s", n, o.Key, want)
		}
		n++
	}
	if n != total {
		t.Errorf("%d objects listed, want %d", n, total)
	}
}
