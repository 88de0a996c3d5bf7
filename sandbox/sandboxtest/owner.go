package sandboxtest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lifeboat/sandbox"
)

// ownerEnv holds what a process started by killOwner is to own.
const ownerEnv = "LIFEBOAT_SANDBOXTEST_OWNER"

// owned is the sandbox of another process.
type owned struct {
	Spec  sandbox.Spec
	EndBy time.Duration // after its start; 0 leaves it its deadline
}

// Main is the TestMain of a runner's tests. It fails when goroutines are left, and
// plays the owner of a sandbox when the suite starts the test binary again for that.
func Main(m *testing.M, open func(context.Context) (sandbox.Runner, error)) {
	if text := os.Getenv(ownerEnv); text != "" {
		fmt.Println(own(text, open))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// own starts a sandbox, says so, and returns only when it cannot.
func own(text string, open func(context.Context) (sandbox.Runner, error)) error {
	ctx := context.Background()
	var o owned
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	r, err := open(ctx)
	if err != nil {
		return err
	}
	box, err := r.Start(ctx, o.Spec)
	if err != nil {
		return err
	}
	if o.EndBy > 0 {
		if err := box.EndBy(ctx, time.Now().Add(o.EndBy)); err != nil {
			return err
		}
	}
	fmt.Println("started")
	select {}
}

// killOwner has a sandbox started by another process and kills that process.
func killOwner(t *testing.T, o owned) {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	owner := exec.Command(os.Args[0], "-test.run=^$")
	owner.Env = append(os.Environ(), ownerEnv+"="+string(text))
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if kill := owner.Process.Kill(); kill != nil {
		t.Error(kill)
	}
	_ = owner.Wait() // it was killed, so this says so
	if err != nil || strings.TrimSpace(line) != "started" {
		t.Fatalf("the owner said %q, %v", line, err)
	}
}
