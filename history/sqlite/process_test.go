package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lifeboat/history"
	"lifeboat/history/historytest"
	"lifeboat/verify"
)

// roleVar makes this test binary play another process: "drill", "compete" or "hang", then the
// file and a name, all separated by a vertical bar.
const roleVar = "LIFEBOAT_HISTORY_TEST_ROLE"

func TestMain(m *testing.M) {
	role, rest, _ := strings.Cut(os.Getenv(roleVar), "|")
	path, name, _ := strings.Cut(rest, "|")
	var err error
	switch role {
	case "drill":
		err = drillForever(path, name)
	case "compete":
		err = compete(path, name)
	case "hang":
		err = claimAndHang(path, name)
	default:
		goleak.VerifyTestMain(m)
	}
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
}

// targets is how many drills competing processes fight for.
const targets = 40

// drillForever records drills until it is killed and says what it was promised.
func drillForever(path, name string) error {
	s, err := Open(context.Background(), path)
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		d := historytest.Drill(fmt.Sprintf("%s-%d", name, i), fmt.Sprintf("%s-%d", name, i), i)
		l, err := s.Begin(context.Background(), d, name, time.Hour, d.Asked)
		if err != nil {
			return err
		}
		fmt.Println("begun", d.ID)
		if err := s.Finish(context.Background(), l, bigReport(d), nil); err != nil {
			return err
		}
		fmt.Println("finished", d.ID)
	}
}

// bigReport does not fit one page of the file, so that its writing can be cut in two.
func bigReport(d history.Drill) verify.Report {
	r := historytest.Report(d, verify.Passed)
	r.Results[0].Detail = strings.Repeat("much to say ", 2000)
	return r
}

// compete begins one drill of each target, as others do at the same time.
func compete(path, name string) error {
	s, err := Open(context.Background(), path)
	if err != nil {
		return err
	}
	for i := range targets {
		d := historytest.Drill(fmt.Sprintf("%s-%d", name, i), fmt.Sprintf("target-%d", i), i)
		_, err := s.Begin(context.Background(), d, name, time.Hour, d.Asked)
		var running *history.RunningError
		switch {
		case err == nil:
			fmt.Println("won", d.Target)
		case !errors.As(err, &running):
			return err
		}
	}
	id, err := s.Installation(context.Background())
	if err != nil {
		return err
	}
	fmt.Println("installation", id)
	return nil
}

// start runs this test binary in a role. The process is gone when the test ends.
func start(t *testing.T, role, path, name string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), roleVar+"="+strings.Join([]string{role, path, name}, "|"))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd, bufio.NewScanner(out)
}

func TestKilledProcessLeavesWholeDrills(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	begun, finished := make(map[string]bool), make(map[string]bool)
	for round := range 12 {
		cmd, lines := start(t, "drill", path, fmt.Sprintf("p%d", round))
		for n := 0; lines.Scan(); n++ {
			word, id, _ := strings.Cut(lines.Text(), " ")
			switch word {
			case "begun":
				begun[id] = true
			case "finished":
				finished[id] = true
			default:
				t.Fatalf("the other process said %q", lines.Text())
			}
			if n == 5+7*round { // at another point each time; it writes on meanwhile
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		cmd.Wait()
		checkWhole(t, path, begun, finished)
	}
}

// checkWhole reopens the record: what was promised is there, and every drill is
// either running or has its report.
func checkWhole(t *testing.T, path string, begun, finished map[string]bool) {
	t.Helper()
	s := open(t, path)
	defer s.Close()
	var sound string
	if err := s.read.QueryRow(`PRAGMA integrity_check`).Scan(&sound); err != nil || sound != "ok" {
		t.Fatalf("integrity_check = %q, %v", sound, err)
	}
	list, err := s.List(t.Context(), history.Filter{Limit: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	states := make(map[string]history.State)
	for _, e := range list {
		states[e.ID] = e.State
		r, err := s.Get(t.Context(), e.ID)
		var running *history.RunningError
		switch {
		case e.State == history.Running && errors.As(err, &running):
		case e.State == history.Finished && err == nil && len(r.Results[0].Detail) == len(bigReport(history.Drill{}).Results[0].Detail):
		default:
			t.Errorf("drill %s is %s, and Get says %v", e.ID, e.State, err)
		}
	}
	for id := range begun {
		if states[id] == "" {
			t.Errorf("drill %s was begun and is not recorded", id)
		}
	}
	for id := range finished {
		if states[id] != history.Finished {
			t.Errorf("drill %s was finished and is recorded as %q", id, states[id])
		}
	}
	if len(finished) == 0 {
		t.Error("no drill was finished before the kill")
	}
}

func TestProcessesThatOpenOneFileAtOnceShareIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	const processes = 4
	var all [processes]*bufio.Scanner
	for i := range processes {
		_, all[i] = start(t, "compete", path, fmt.Sprintf("p%d", i))
	}
	won, ids := make(map[string]int), make(map[string]int)
	for _, lines := range all {
		for lines.Scan() {
			word, what, _ := strings.Cut(lines.Text(), " ")
			switch {
			case word == "won":
				won[what]++
			case word == "installation":
				ids[what]++
			default:
				t.Fatalf("another process said %q", lines.Text())
			}
		}
	}
	for target, n := range won {
		if n != 1 {
			t.Errorf("%s was begun %d times", target, n)
		}
	}
	if len(won) != targets {
		t.Errorf("%d targets were begun, want %d", len(won), targets)
	}
	if len(ids) != 1 {
		t.Errorf("the processes saw installations %v, want one", ids)
	}
}
