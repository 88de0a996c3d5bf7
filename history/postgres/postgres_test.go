package postgres

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lifeboat/history"
	"lifeboat/history/historytest"
	"lifeboat/internal/testkit/pgserver"
	"lifeboat/verify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds each wait for the queue.
const patience = 60 * time.Second

func open(t testing.TB, dsn string) *Store {
	t.Helper()
	s, err := Open(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestStoreKeepsThePromisesOfHistory(t *testing.T) {
	server := pgserver.Start(t)
	historytest.Run(t, func(t testing.TB) history.Store { return open(t, server.DSN(t)) })
}

func TestProcessesThatOpenOneDatabaseAtOnceShareIt(t *testing.T) {
	dsn := pgserver.Start(t).DSN(t)
	const processes = 6
	ids := make([]string, processes)
	var all sync.WaitGroup
	for i := range processes {
		all.Go(func() {
			s, err := Open(t.Context(), dsn)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if ids[i], err = s.Installation(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if ids = slices.Compact(ids); len(ids) != 1 || ids[0] == "" {
		t.Errorf("the processes saw installations %q, want one", ids)
	}
}

func TestWorkGoesOnOnceTheServerIsBack(t *testing.T) {
	server := pgserver.Start(t)
	s := open(t, server.DSN(t))
	done := make(chan string, 10)
	stop, err := s.Work(t.Context(), 2, func(ctx context.Context, id string) time.Duration {
		l, err := s.Claim(ctx, id, "host/1", time.Hour, time.Now())
		if err != nil {
			t.Logf("Claim(%s): %v", id, err)
			return 100 * time.Millisecond
		}
		if err := s.Finish(ctx, l, historytest.Report(l.Drill, verify.Passed), nil); err != nil {
			t.Errorf("Finish(%s): %v", id, err)
		}
		done <- id
		return 0
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop(context.Background())
	drill := func(id string) {
		t.Helper()
		if _, _, err := s.Enqueue(t.Context(), historytest.Drill(id, id, 0)); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-done:
			if got != id {
				t.Fatalf("%s was drilled, want %s", got, id)
			}
		case <-time.After(patience):
			t.Fatalf("%s was not drilled within %s", id, patience)
		}
	}
	drill("before")
	server.Stop(t)
	if err := s.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "check that the server runs") {
		t.Errorf("Ping of a server that is gone = %v, want what to do", err)
	}
	server.Restart(t)
	drill("after")
}
