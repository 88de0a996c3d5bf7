package docker

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/sandbox"
)

// The daemon's address is settled once per process, so each case has a process of
// its own, which runs this test again.
func TestNewSaysWhyNoDaemonAnswers(t *testing.T) {
	if os.Getenv("LIFEBOAT_TEST_NEW") != "" {
		_, err := New(t.Context(), Config{})
		if err == nil {
			t.Fatal("New found a daemon")
		}
		t.Log(err)
		expect(t, err, sandbox.ErrUnavailable)
		return
	}
	silent := filepath.Join(t.TempDir(), "silent.sock")
	l, err := net.Listen("unix", silent) // accepts and never answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	for name, tt := range map[string]struct{ host, want string }{
		"nothing there":     {"unix:///nonexistent/docker.sock", "/nonexistent/docker.sock"},
		"nobody listens":    {"tcp://127.0.0.1:1", "Cannot connect to the Docker daemon at tcp://127.0.0.1:1"},
		"it says nothing":   {"unix://" + silent, "did not answer within"},
		"no address at all": {"nonsense", "nonsense"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNewSaysWhyNoDaemonAnswers$", "-test.v")
			again.Env = append(os.Environ(), "LIFEBOAT_TEST_NEW=1", "DOCKER_HOST="+tt.host)
			out, err := again.CombinedOutput()
			if err != nil || !strings.Contains(string(out), tt.want) || !strings.Contains(string(out), "is it running") {
				t.Errorf("%v, want %q in:\n%s", err, tt.want, out)
			}
		})
	}
}
