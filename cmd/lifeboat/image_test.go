package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"lifeboat/internal/testkit"
	"lifeboat/internal/testkit/pgdumps"
	"lifeboat/verify"
)

// Images of this test. They stay as caches: building one anew takes minutes, and
// replacing one removes what it was before.
const (
	goImageName    = "lifeboat-test-go"    // the Go of this machine with all modules, tagged by what is in it
	buildImageName = "lifeboat-test-build" // the Dockerfile's build stage
	imageName      = "lifeboat-test"       // the image itself
)

// maxImage is how large the image may be, in bytes.
const maxImage = 60e6

// certificates of this machine, which go into the image.
const certificates = "/etc/ssl/certs/ca-certificates.crt"

// goImage is what takes the place of golang:1.26 where no registry answers: the Go of
// this machine on the postgres image. Modules come from this machine, too.
const goImage = `FROM postgres:15
USER root
COPY goroot /usr/local/go
COPY proxy /proxy
COPY ca-certificates.crt ` + certificates + `
ENV PATH=/usr/local/go/bin:/usr/bin:/bin HOME=/root GOPROXY=file:///proxy GOSUMDB=off GOTOOLCHAIN=local CGO_ENABLED=0
WORKDIR /warm
COPY go.mod go.sum packages ./
RUN go mod download && xargs go build -trimpath -ldflags '-s -w' <packages
`

// TestTheImageDrillsAsAnOrdinaryUser builds the Dockerfile without a network and drills
// in the image as its user, on a root nobody can write to.
func TestTheImageDrillsAsAnOrdinaryUser(t *testing.T) {
	needDocker(t, 15)
	buildImage(t)
	mustBeSmallAndOrdinary(t)

	notes := filepath.Join(t.TempDir(), "notes.db")
	tool(t, nil, "sqlite3", notes, "create table notes (id integer primary key, text); insert into notes (text) values ('a'), ('b');")
	content, err := os.ReadFile(notes)
	if err != nil {
		t.Fatal(err)
	}
	dump := pgdumps.Start(t, 15).Load(t, matrixSchema).DumpFile(t, "-Fc")
	box := newContainer(t, backups{"db-20260601T050000Z.dump": dump, "notes.db": content})
	box.drill(t, "notes")
	rep := box.drill(t, "db")
	mustProve(t, rep, 15)
	if out, code := box.run(t, "history", "db"); code != exitGood || !strings.Contains(string(out), rep.Drill) {
		t.Errorf("exit %d, the history of the next container does not know the drill:\n%s", code, out)
	}
}

// buildImage builds the image, offline.
func buildImage(t *testing.T) {
	t.Helper()
	base := makeGoImage(t)
	for _, stage := range []struct{ name, target string }{{buildImageName, "build"}, {imageName, ""}} {
		replaceImage(t, stage.name, func() {
			dockerCLI(t, nil, "build", "-q", "--network", "none", "--build-arg", "BUILD_IMAGE="+base,
				"--target", stage.target, "-t", stage.name, "../..")
		})
	}
}

// replaceImage builds an image and removes the one that had its name before.
func replaceImage(t *testing.T, name string, build func()) {
	t.Helper()
	id := func() string {
		out, _ := exec.Command("docker", "image", "inspect", "-f", "{{.Id}}", name).Output()
		return strings.TrimSpace(string(out))
	}
	before := id()
	build()
	if before != "" && before != id() {
		_ = exec.Command("docker", "rmi", before).Run() // still in use by another run of this test
	}
}

// makeGoImage returns the name of an image with Go, made when it is not there yet.
func makeGoImage(t *testing.T) string {
	t.Helper()
	_, err := os.Stat(certificates)
	testkit.Need(t, certificates, err == nil)
	sum := sha256.New()
	sum.Write([]byte(goImage))
	sum.Write(tool(t, nil, "go", "version"))
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		sum.Write(content)
	}
	image := goImageName + ":" + hex.EncodeToString(sum.Sum(nil))[:12]
	if exec.Command("docker", "image", "inspect", image).Run() == nil {
		return image
	}
	old := strings.Fields(string(dockerCLI(t, nil, "images", "-q", goImageName)))
	pack := exec.CommandContext(t.Context(), "tar", "-ch", "--exclude=goroot/test", "--exclude=goroot/pkg/obj", "-C", goContext(t), ".")
	context, err := pack.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := pack.Start(); err != nil {
		t.Fatal(err)
	}
	dockerCLI(t, context, "build", "-q", "--network", "none", "-t", image, "-")
	if err := pack.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, id := range old {
		_ = exec.Command("docker", "rmi", "-f", id).Run()
	}
	return image
}

// goContext lays out links to what goImage copies.
func goContext(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	link := func(target, name string) {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil {
			err = os.Symlink(target, path)
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			t.Fatal(err)
		}
	}
	goroot := strings.TrimSpace(string(tool(t, nil, "go", "env", "GOROOT")))
	modules := strings.TrimSpace(string(tool(t, nil, "go", "env", "GOMODCACHE")))
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	link(goroot, "goroot")
	link(certificates, "ca-certificates.crt")
	link(filepath.Join(root, "go.mod"), "go.mod")
	link(filepath.Join(root, "go.sum"), "go.sum")
	for _, file := range moduleFiles(t, modules) {
		rel, err := filepath.Rel(filepath.Join(modules, "cache/download"), file)
		if err != nil {
			t.Fatal(err)
		}
		link(file, filepath.Join("proxy", rel))
	}
	packages := tool(t, nil, "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{$.ImportPath}}{{end}}{{end}}", ".")
	for path, content := range map[string]string{"packages": string(packages), "Dockerfile": goImage} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// moduleFiles are the files of the module cache that a build needs, as a Go proxy
// serves them: the modules themselves, and what all that were ever seen depend on.
func moduleFiles(t *testing.T, modules string) []string {
	t.Helper()
	var files []string
	list := json.NewDecoder(bytes.NewReader(tool(t, nil, "go", "mod", "download", "-json")))
	for list.More() {
		var m struct{ Info, GoMod, Zip string }
		if err := list.Decode(&m); err != nil {
			t.Fatal(err)
		}
		files = append(files, m.Info, m.Zip)
	}
	err := filepath.WalkDir(filepath.Join(modules, "cache/download"), func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".mod" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// dockerCLI runs a docker command that must succeed.
func dockerCLI(t testing.TB, stdin io.Reader, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "docker", args...)
	cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=0") // a builder that every daemon has
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = stdin, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("docker %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return out
}

// mustBeSmallAndOrdinary looks at the image as it was built.
func mustBeSmallAndOrdinary(t *testing.T) {
	t.Helper()
	var images []struct {
		Size   int64
		Config struct {
			User    string
			Volumes map[string]struct{}
		}
	}
	if err := json.Unmarshal(dockerCLI(t, nil, "image", "inspect", imageName), &images); err != nil || len(images) != 1 {
		t.Fatalf("inspect %s: %v", imageName, err)
	}
	i := images[0]
	if i.Size > maxImage || i.Size == 0 {
		t.Errorf("the image has %d bytes, want at most %.0f", i.Size, maxImage)
	}
	if uid, _, _ := strings.Cut(i.Config.User, ":"); uid == "" || uid == "0" || uid == "root" {
		t.Errorf("the image runs as user %q", i.Config.User)
	}
	t.Logf("%d bytes, user %s", i.Size, i.Config.User)
}

// container is how the image is run: with a configuration, backups and a history that
// outlives it, and with nothing it does not need.
type container struct{ args []string }

// imageConfig has a time zone, which the image must bring along.
const imageConfig = `
sources: {s: {kind: dir, path: /backups}}
server: {history: /var/lib/lifeboat/lifeboat.db}
targets:
  db: {source: s, match: "db-{time:20060102T150405Z}.dump", schedule: "0 5 * * *", timezone: Europe/Berlin}
  notes: {source: s, match: notes.db}
`

func newContainer(t *testing.T, files backups) container {
	t.Helper()
	const socket = "/var/run/docker.sock"
	info, err := os.Stat(socket)
	testkit.Need(t, socket, err == nil)
	config := filepath.Join(t.TempDir(), "lifeboat.yaml")
	if err := os.WriteFile(config, []byte(imageConfig), 0o644); err != nil {
		t.Fatal(err)
	}
	volume := fmt.Sprintf("%s-%d", imageName, os.Getpid())
	t.Cleanup(func() {
		if out, err := exec.Command("docker", "volume", "rm", volume).CombinedOutput(); err != nil {
			t.Errorf("remove %s: %v: %s", volume, err, out)
		}
	})
	return container{[]string{
		"run", "--rm", "--read-only", "--network", "none", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
		"--group-add", fmt.Sprint(info.Sys().(*syscall.Stat_t).Gid), "-v", socket + ":" + socket,
		"-v", config + ":/etc/lifeboat/lifeboat.yaml:ro", "-v", files.write(t) + ":/backups:ro", "-v", volume + ":/var/lib/lifeboat",
		imageName,
	}}
}

// run runs one command line of lifeboat, and returns what it wrote and its exit code.
func (c container) run(t *testing.T, args ...string) (stdout []byte, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "docker", slices.Concat(c.args, args)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if stderr.Len() > 0 {
		t.Errorf("lifeboat %s complains: %s", strings.Join(args, " "), stderr.String())
	}
	return out, cmd.ProcessState.ExitCode()
}

// drill drills a target, which must pass without a word about anything else.
func (c container) drill(t *testing.T, target string) verify.Report {
	t.Helper()
	out, code := c.run(t, "drill", "--json", target)
	var rep verify.Report
	if err := json.Unmarshal(out, &rep); err != nil || code != exitGood || rep.Verdict != verify.Passed {
		t.Fatalf("exit %d, verdict %s %s, %v\n%s%s", code, rep.Verdict, rep.Error, err, out, findings(rep))
	}
	return rep
}
