package alive

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// childDir makes this test binary light a beacon there, say its id and wait for
// its standard input to end.
const childDir = "LIFEBOAT_TEST_BEACON_DIR"

func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	b, err := New(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(b.Instance())
	_, _ = os.Stdin.Read(make([]byte, 1))
}

func TestAnotherProcessIsAliveUntilItIsKilled(t *testing.T) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	if _, err := child.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = child.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	id := strings.TrimSpace(line)

	if !Alive(dir, id) {
		t.Error("a running process was taken for dead")
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed: an error is what we want
	if _, err := os.Stat(filepath.Join(dir, id)); err != nil {
		t.Fatalf("the killed process left no file behind, so the test proves nothing: %v", err)
	}
	if Alive(dir, id) {
		t.Error("a killed process was taken for alive")
	}
	if _, err := os.Stat(filepath.Join(dir, id)); !os.IsNotExist(err) {
		t.Errorf("the dead process's file is still there: %v", err)
	}
}

func TestCloseEndsAliveAndMayBeCalledTwice(t *testing.T) {
	dir := t.TempDir()
	b, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !Alive(dir, b.Instance()) {
		t.Error("own beacon is not alive")
	}
	for range 2 {
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if Alive(dir, b.Instance()) {
		t.Error("alive after Close")
	}
}

func TestNewRemovesTheDeadAndSparesTheRest(t *testing.T) {
	dir := t.TempDir()
	dead := filepath.Join(dir, strings.Repeat("ab", idBytes))
	other := filepath.Join(dir, "notes.txt")
	for _, path := range []string{dead, other} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	living, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = living.Close() }()
	second, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = second.Close() }()
	if _, err := os.Stat(dead); !os.IsNotExist(err) {
		t.Errorf("file of a dead process stayed: %v", err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("a file that is no beacon was removed: %v", err)
	}
	if !Alive(dir, living.Instance()) {
		t.Error("a living process lost its beacon")
	}
}

func TestAliveRefusesNamesThatAreNoInstance(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	if err := os.WriteFile(victim, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", ".", "../victim", "victim", "/etc/passwd"} {
		if Alive(filepath.Join(dir, "beacons"), name) {
			t.Errorf("Alive(%q) = true", name)
		}
	}
	if _, err := os.Stat(victim); err != nil {
		t.Errorf("a file outside was removed: %v", err)
	}
}

func TestNewRefusesADirectoryOthersCanWrite(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if b, err := New(dir); err == nil {
		t.Errorf("New accepted a directory in which anybody can fake a beacon: %v", b.Close())
	}
}

// Many start and ask at the same time; nobody living may be taken for dead.
func TestStartingTogetherLosesNobody(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	beacons := make([]*Beacon, 32)
	for i := range beacons {
		wg.Go(func() {
			b, err := New(dir)
			if err != nil {
				t.Error(err)
				return
			}
			beacons[i] = b
		})
	}
	wg.Wait()
	for _, b := range beacons {
		if b == nil {
			continue
		}
		if !Alive(dir, b.Instance()) {
			t.Errorf("%s was taken for dead", b.Instance())
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestADirectoryThatSomebodyElseMayHavePutThereIsNotTrusted(t *testing.T) {
	everybody := t.TempDir()
	if err := os.Chmod(everybody, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	link, elsewhere := filepath.Join(everybody, "link"), t.TempDir()
	if err := os.Symlink(elsewhere, link); err != nil {
		t.Fatal(err)
	}
	if _, err := New(link); err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("a beacon behind a link of everybody's directory: %v, want it refused", err)
	}
	if left, err := os.ReadDir(elsewhere); err != nil || len(left) > 0 {
		t.Errorf("behind the link there are %v, %v; want nothing", left, err)
	}
	b, err := New(filepath.Join(everybody, "own"))
	if err != nil {
		t.Fatalf("a directory of our own is refused: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if os.Geteuid() != 0 {
		return // nobody else can own a directory here
	}
	theirs := filepath.Join(everybody, "theirs")
	if err := os.Mkdir(theirs, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(theirs, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if _, err := New(theirs); err == nil {
		t.Error("a directory that another user owns is trusted")
	}
}

// People call lifeboat as root beside a service that does not run as root.
func TestTheOwnerOfTheDirectoryCanExamineTheBeaconOfRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root lights beacons in directories of others")
	}
	dir := t.TempDir()
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	b, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	info, err := os.Stat(filepath.Join(dir, b.Instance()))
	if err != nil {
		t.Fatal(err)
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !ok || owner.Uid != 65534 {
		t.Errorf("the beacon is %+v, want it to belong to 65534", owner)
	}
	if !Alive(dir, b.Instance()) {
		t.Error("it does not shine")
	}
}
