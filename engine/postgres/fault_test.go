package postgres

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"lifeboat/engine"
	"lifeboat/sandbox"
)

// restoreOf runs a drill up to the restore and returns how that ended.
func restoreOf(t *testing.T, d engine.Dump, progress func(engine.Progress)) (engine.Restored, error) {
	t.Helper()
	m, err := New().Inspect(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	l := New().Prepare(startBox(t, New().Needs(m).Version), m, engine.Options{Limits: testLimits, Progress: progress})
	if err := l.Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := l.Receive(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return l.Restore(t.Context(), got)
}

func TestAServerKilledForItsMemoryIsNotTheBackupsFault(t *testing.T) {
	t.Parallel()
	_, err := restoreOf(t, scripted(`
		CREATE TABLE public.before (id integer);
		COPY (SELECT 1) TO PROGRAM 'kill -9 $PPID';
		CREATE TABLE public.after (id integer);`), func(engine.Progress) {})
	var limit *sandbox.LimitError
	if !errors.As(err, &limit) || limit.Limit != "memory" {
		t.Errorf("got %v, want the memory limit", err)
	}
}

func TestAServerThatCrashesIsNotTheBackupsFault(t *testing.T) {
	t.Parallel()
	_, err := restoreOf(t, scripted(`COPY (SELECT 1) TO PROGRAM 'kill -SEGV $PPID';`), func(engine.Progress) {})
	if !errors.Is(err, engine.ErrServerGone) || errors.Is(err, sandbox.ErrOutOfRoom) {
		t.Errorf("got %v, want a crash", err)
	}
}

// TestAServerThatIsStoppedFromInsideIsNotTheBackupsFault stops the whole server and not
// only one of its processes, so that its log does not say why.
func TestAServerThatIsStoppedFromInsideIsNotTheBackupsFault(t *testing.T) {
	t.Parallel()
	for _, signal := range []string{"KILL", "INT", "QUIT"} {
		t.Run(signal, func(t *testing.T) {
			t.Parallel()
			_, err := restoreOf(t, scripted(`
				CREATE TABLE public.before (id integer);
				COPY (SELECT 1) TO PROGRAM 'kill -`+signal+` $(head -n 1 postmaster.pid)';
				SELECT pg_catalog.pg_sleep(5);
				CREATE TABLE public.after (id integer);`), func(engine.Progress) {})
			if !errors.Is(err, engine.ErrServerGone) || errors.Is(err, sandbox.ErrOutOfRoom) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line that says that the server is gone", err)
			}
		})
	}
}

func TestAScriptTellsHowFarItWasRead(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []engine.Progress
	d := scripted("SELECT pg_catalog.pg_sleep(1);\n" + strings.Repeat("SELECT 1;\n", 1000) + `
		\connect restored
		CREATE TABLE public.t (id integer);
		COPY public.t FROM stdin;
1
2
\.
`)
	res, err := restoreOf(t, d, func(p engine.Progress) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, p)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer res.DB.Close(t.Context())
	mu.Lock()
	defer mu.Unlock()
	if len(seen) == 0 {
		t.Fatal("no progress was told")
	}
	last := seen[len(seen)-1]
	if last.Unit != "bytes" || last.Total != int64(len(d)) || last.Done <= 0 || last.Done > last.Total {
		t.Errorf("got %+v of %d bytes", last, len(d))
	}
	if len(res.Errors) != 0 || res.Exit != 0 {
		t.Errorf("got exit %d, %+v", res.Exit, res.Errors)
	}
}

func TestAStoppedSandboxIsTheReasonOfWhateverFails(t *testing.T) {
	t.Parallel()
	d := scripted("CREATE TABLE public.t (id integer);")
	m, err := New().Inspect(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	box := startBox(t, 17)
	l := testLoader(box, m)
	if err := l.Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := box.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Receive(t.Context(), d); err == nil {
		t.Error("a dump was sent into a closed sandbox")
	}
	if _, err := l.Restore(t.Context(), engine.Received{Manifest: m}); err == nil {
		t.Error("a dump was restored in a closed sandbox")
	}
}
