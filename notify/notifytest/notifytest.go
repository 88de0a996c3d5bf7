// Package notifytest is the suite that every notifier passes, the alerts it is passed
// with, and other ends that misbehave as real ones do. Only tests use it.
package notifytest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"lifeboat/notify"
)

// Fault is what happens to one delivery at the other end.
type Fault string

// Faults. The zero value is none.
const (
	None   Fault = ""
	Busy   Fault = "busy"   // it asks to be left alone for a while
	Refuse Fault = "refuse" // it will never take it
	Broken Fault = "broken" // it fails by itself
	Lost   Fault = "lost"   // it takes it, and the connection ends without an answer
	Hang   Fault = "hang"   // it takes it, and no answer ever comes
)

// patience bounds what is waited for in a test.
const patience = 10 * time.Second

// Fixture is a notifier and its other end, fresh for each case.
type Fixture struct {
	Notifier notify.Notifier
	// Received is the text of each delivery that was taken, decoded as far as people see it.
	Received func() []string
	Fault    func(Fault)
	Hung     <-chan struct{} // has one for each delivery that hangs
	Secrets  []string        // what no error may hold
	// SaysWhen is true where the other end can say how long it wants to be left alone.
	SaysWhen bool
	// FindsOut is true where the notifier can find out whether an alert arrived.
	FindsOut bool
	// Threads is true where later alerts of a problem join the first.
	Threads bool
	// Loose is true where the carrier does not tell its failures apart: then they only
	// have to be errors.
	Loose bool
	// Skips are kinds that the notifier leaves out on purpose.
	Skips []notify.Kind
}

// Run holds a notifier against its contract.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	t.Run("an alert arrives once and says what people need", func(t *testing.T) { arrives(t, open(t)) })
	t.Run("every kind and reason is taken", func(t *testing.T) { everything(t, open(t)) })
	t.Run("hostile texts are taken as texts", func(t *testing.T) { hostile(t, open(t)) })
	t.Run("a failure has its class and holds no secret", func(t *testing.T) { failures(t, open) })
	t.Run("a cancelled delivery ends and may have arrived", func(t *testing.T) { cancelled(t, open(t)) })
	t.Run("nothing is sent when it is cancelled before", func(t *testing.T) { cancelledBefore(t, open(t)) })
	t.Run("an alert that may have arrived is sent again", func(t *testing.T) { again(t, open(t)) })
	t.Run("later alerts of a problem join the first", func(t *testing.T) { threads(t, open(t)) })
	t.Run("a notifier does not print its secrets", func(t *testing.T) { printed(t, open(t)) })
}

func arrives(t *testing.T, f Fixture) {
	a := Samples()[0].Alert
	if _, err := f.Notifier.Send(t.Context(), notify.Message{Alert: a}); err != nil {
		t.Fatal(err)
	}
	got := f.Received()
	if len(got) != 1 {
		t.Fatalf("%d deliveries arrived, want 1", len(got))
	}
	for _, want := range []string{"orders", "10 rows", "2,000,000 rows", a.Backup.Key, a.LastGood.Key, a.Hint, a.ReportURL} {
		if !strings.Contains(unwrapped(got[0]), want) {
			t.Errorf("%q is missing in\n%s", want, got[0])
		}
	}
}

// unwrapped joins lines, as a reader does.
func unwrapped(s string) string { return strings.Join(strings.Fields(s), " ") }

func everything(t *testing.T, f Fixture) {
	want := 0
	for _, s := range Samples() {
		if _, err := f.Notifier.Send(t.Context(), notify.Message{Alert: s.Alert}); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		want++
		for _, k := range f.Skips {
			if s.Alert.Kind == k {
				want--
			}
		}
	}
	if got := len(f.Received()); got != want {
		t.Errorf("%d deliveries arrived, want %d", got, want)
	}
}

func hostile(t *testing.T, f Fixture) {
	if _, err := f.Notifier.Send(t.Context(), notify.Message{Alert: Hostile()}); err != nil {
		t.Fatal(err)
	}
	if got := f.Received(); len(got) != 1 {
		t.Fatalf("%d deliveries arrived, want 1", len(got))
	}
}

func failures(t *testing.T, open func(t *testing.T) Fixture) {
	for _, fault := range []Fault{Busy, Refuse, Broken, Lost} {
		t.Run(string(fault), func(t *testing.T) {
			f := open(t)
			f.Fault(fault)
			_, err := f.Notifier.Send(t.Context(), notify.Message{Alert: Samples()[0].Alert})
			if err == nil {
				t.Fatal("there is no error")
			}
			withoutSecrets(t, f, fmt.Sprintf("%v | %+v | %#v", err, err, err))
			if f.Loose {
				return
			}
			var retry *notify.RetryError
			refused, unanswered := errors.Is(err, notify.ErrRefused), errors.Is(err, notify.ErrUnanswered)
			if refused != (fault == Refuse) {
				t.Errorf("refused is %t in %q", refused, err)
			}
			if fault == Lost && !unanswered || (fault == Busy || fault == Refuse) && unanswered {
				t.Errorf("unanswered is %t in %q", unanswered, err)
			}
			if waits := errors.As(err, &retry); waits != (fault == Busy && f.SaysWhen) {
				t.Errorf("a time to wait is given: %t, in %q", waits, err)
			} else if waits && (retry.After < time.Second || retry.After > time.Hour) {
				t.Errorf("it waits %s", retry.After)
			}
			if _, err := f.Notifier.Send(t.Context(), notify.Message{Alert: Samples()[0].Alert, Again: unanswered}); err != nil {
				t.Errorf("afterwards it fails too: %v", err)
			}
		})
	}
}

func withoutSecrets(t *testing.T, f Fixture, text string) {
	t.Helper()
	for _, secret := range f.Secrets {
		if secret != "" && strings.Contains(text, secret) {
			t.Errorf("the secret %q is in %q", secret, text)
		}
	}
}

func cancelled(t *testing.T, f Fixture) {
	f.Fault(Hang)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		_, err := f.Notifier.Send(ctx, notify.Message{Alert: Samples()[0].Alert})
		failed <- err
	}()
	await(t, "the delivery", f.Hung)
	cancel()
	err := await(t, "the end of the delivery", failed)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, notify.ErrUnanswered) {
		t.Errorf("got %v, want a cancelled delivery that may have arrived", err)
	}
	withoutSecrets(t, f, fmt.Sprintf("%v | %#v", err, err))
}

// await takes one from a channel in the time of a test.
func await[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("%s did not come within %s", what, patience)
		panic("unreachable")
	}
}

func cancelledBefore(t *testing.T, f Fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.Notifier.Send(ctx, notify.Message{Alert: Samples()[0].Alert})
	if err == nil || errors.Is(err, notify.ErrUnanswered) || errors.Is(err, notify.ErrRefused) {
		t.Errorf("got %v, want an error that says it was not sent", err)
	}
	if got := f.Received(); len(got) != 0 {
		t.Errorf("%d deliveries arrived", len(got))
	}
}

func again(t *testing.T, f Fixture) {
	m := notify.Message{Alert: Samples()[0].Alert}
	f.Fault(Lost)
	if _, err := f.Notifier.Send(t.Context(), m); err == nil {
		t.Fatal("a lost answer is no error")
	}
	m.Again = true
	thread, err := f.Notifier.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	want := 2
	if f.FindsOut {
		want = 1
	}
	if got := len(f.Received()); got != want {
		t.Errorf("%d deliveries arrived, want %d", got, want)
	}
	if f.Threads && thread == "" {
		t.Error("there is no handle of the thread")
	}
}

func threads(t *testing.T, f Fixture) {
	thread := ""
	for i, s := range Samples()[:3] {
		handle, err := f.Notifier.Send(t.Context(), notify.Message{Alert: s.Alert, Thread: thread})
		if err != nil {
			t.Fatal(err)
		}
		if (handle != "") != f.Threads || i > 0 && handle != thread {
			t.Errorf("%s has the handle %q, the thread %q", s.Name, handle, thread)
		}
		thread = handle
	}
}

func printed(t *testing.T, f Fixture) {
	withoutSecrets(t, f, fmt.Sprintf("%v | %+v | %#v", f.Notifier, f.Notifier, f.Notifier))
}
