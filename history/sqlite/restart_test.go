package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/history/historytest"
	"lifeboat/notify"
	"lifeboat/verify"
)

// patience bounds each wait for the queue.
const patience = 30 * time.Second

// claimAndHang takes one drill from the queue, claims it, and is killed over it.
func claimAndHang(path, name string) error {
	s, err := Open(context.Background(), path)
	if err != nil {
		return err
	}
	_, err = s.Work(context.Background(), 1, func(ctx context.Context, id string) time.Duration {
		if _, err := s.Claim(ctx, id, name, time.Hour, time.Now()); err != nil {
			fmt.Println("error", err)
			return 0
		}
		fmt.Println("claimed", id)
		select {}
	})
	if err != nil {
		return err
	}
	select {}
}

// drillAll works until the drills wanted were finished.
func drillAll(t *testing.T, s *Store, want ...string) {
	t.Helper()
	done := make(chan string, 100)
	stop, err := s.Work(t.Context(), 2, func(ctx context.Context, id string) time.Duration {
		l, err := s.Claim(ctx, id, "survivor", time.Hour, time.Now())
		if err != nil {
			return 0 // delivered twice
		}
		r := historytest.Report(l.Drill, verify.Passed)
		if err := s.Finish(ctx, l, r, nil); err != nil {
			t.Errorf("Finish(%s): %v", id, err)
		}
		done <- id
		return 0
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Release(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(patience)
	got := make(map[string]int)
	for range want {
		select {
		case id := <-done:
			got[id]++
		case <-deadline:
			t.Fatalf("after %s only %v were drilled, want %v", patience, got, want)
		}
	}
	if err := stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, id := range want {
		if got[id] != 1 {
			t.Errorf("%s was drilled %d times, want once", id, got[id])
		}
	}
}

func queue(t *testing.T, s *Store, ids ...string) {
	t.Helper()
	for i, id := range ids {
		d := historytest.Drill(id, "target of "+id, i)
		if _, fresh, err := s.Enqueue(t.Context(), d); err != nil || !fresh {
			t.Fatalf("Enqueue(%s) = %t, %v", id, fresh, err)
		}
	}
}

func TestAKilledProcessLosesNoDrill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s := open(t, path)
	queue(t, s, "d1", "d2", "d3")
	cmd, lines := start(t, "hang", path, "victim")
	if !lines.Scan() || lines.Text() != "claimed d1" {
		t.Fatalf("the other process said %q, want that it claimed d1", lines.Text())
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	dead := func(owner string) bool { return owner == "victim" }
	reaped, err := s.Reap(t.Context(), dead, time.Now(), func(e history.Entry, _ verify.Report, st notify.State) history.Effects {
		d := historytest.Drill("d4", e.Target, 9)
		d.Trigger, d.Follows, d.Attempt = history.TakeOver, e.ID, e.Attempt+1
		return history.Effects{State: st, Drills: []history.Drill{d}}
	})
	if err != nil || len(reaped) != 1 || reaped[0].ID != "d1" || reaped[0].State != history.Interrupted {
		t.Fatalf("Reap = %+v, %v; want d1 interrupted", reaped, err)
	}
	drillAll(t, s, "d2", "d3", "d4")
}

func TestQueuedDrillsOutliveTheirProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s := open(t, path)
	queue(t, s, "d1", "d2")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	drillAll(t, open(t, path), "d1", "d2")
}

func TestDrillsWhoseJobsWereLostAreDeliveredAllTheSame(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "history.db"))
	queue(t, s, "gone", "cancelled", "fetched", "kept")
	for _, statement := range []string{
		`DELETE FROM river_job WHERE id = (SELECT job FROM drills WHERE id = 'gone')`,
		`UPDATE river_job SET state = 'cancelled', finalized_at = datetime('now') WHERE id = (SELECT job FROM drills WHERE id = 'cancelled')`,
		// by a process that was killed before it claimed the drill
		`UPDATE river_job SET state = 'running', attempt = 1, attempted_at = datetime('now', 'subsec', '-2 minutes'), attempted_by = jsonb('["dead"]')
			WHERE id = (SELECT job FROM drills WHERE id = 'fetched')`,
	} {
		if _, err := s.write.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := s.Release(t.Context(), time.Now()); err != nil || n != 3 {
		t.Fatalf("Release = %d, %v; want the three that no job would bring", n, err)
	}
	var jobs int
	if err := s.write.QueryRow(`SELECT count(*) FROM river_job WHERE state = 'available'`).Scan(&jobs); err != nil || jobs != 4 {
		t.Errorf("%d jobs are there, %v; want one for each drill", jobs, err)
	}
	drillAll(t, s, "gone", "cancelled", "fetched", "kept")
}

func TestALockedDatabaseIsWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s, other := open(t, path), open(t, path)
	tx, err := other.write.Begin() // takes the lock at once
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, _, err := s.Enqueue(short, historytest.Drill("d1", "orders", 0)); err == nil {
		t.Fatal("a drill was queued while another process held the lock")
	}
	queued := make(chan error, 1)
	go func() {
		_, _, err := s.Enqueue(context.Background(), historytest.Drill("d2", "orders", 0))
		queued <- err
	}()
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-queued; err != nil {
		t.Errorf("Enqueue once the lock is free: %v", err)
	}
	if list, err := s.Waiting(t.Context(), 10); err != nil || len(list) != 1 || list[0].ID != "d2" {
		t.Errorf("Waiting = %+v, %v; want d2 alone", list, err)
	}
}

func TestALockedDatabaseLetsTokensIn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s, other := open(t, path), open(t, path)
	now := time.Now()
	if err := s.AddToken(t.Context(), history.Token{Name: "ann", Role: history.View, Hash: "h", Created: now}); err != nil {
		t.Fatal(err)
	}
	tx, err := other.write.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	within, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if tok, err := s.FindToken(within, "h", now); err != nil || tok.Name != "ann" || within.Err() != nil {
		t.Errorf("FindToken = %+v, %v, %v; want the token, although its use cannot be recorded", tok, err, within.Err())
	}
}
