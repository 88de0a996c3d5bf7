package s3server

import (
	"io"
	"testing"

	"github.com/minio/minio-go/v7"
)

func TestServerKeepsWhatIsPut(t *testing.T) {
	s := Start(t)
	bucket := s.Bucket(t)
	s.Put(t, bucket, "a/b.dump", []byte("content"))

	o, err := s.Client.GetObject(t.Context(), bucket, "a/b.dump", minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(o); err != nil || string(got) != "content" {
		t.Errorf("read back %q, %v", got, err)
	}
}
