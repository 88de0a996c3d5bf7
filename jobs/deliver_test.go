package jobs

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/notify"
)

// silent takes alerts and never answers.
type silent struct{ tried chan string }

func (m *silent) Send(ctx context.Context, msg notify.Message) (string, error) {
	m.tried <- msg.Alert.ID
	<-ctx.Done()
	return "", context.Cause(ctx)
}

// addressed puts alerts of n problems into the outbox.
func (r *running) addressed(n int, made time.Time, to ...string) {
	r.w.t.Helper()
	var list []history.Addressed
	for i := range n {
		id := fmt.Sprintf("a%d", i)
		list = append(list, history.Addressed{To: to, Alert: notify.Alert{ID: id, Problem: "p" + id, Kind: notify.BadBackup, Target: "orders", At: made}})
	}
	if err := r.Store.Send(r.w.t.Context(), list); err != nil {
		r.w.t.Fatal(err)
	}
}

func TestANotifierThatHangsHoldsUpNoOther(t *testing.T) {
	w := newWorld(t)
	const many = 3 * deliverBatch
	hung := &silent{tried: make(chan string, 2*many)}
	setup := w.setup(w.target("orders", 10))
	setup.Notifiers["hung"] = hung
	r := w.run(setup, "one")
	r.addressed(many, w.now(), "hung", "friend")
	began := time.Now()
	w.until("heard by the other one", func() bool { return len(w.friend.told()) > 0 })
	w.until("all of a turn recorded", func() bool {
		list, err := r.Store.Deliveries(t.Context(), history.DeliveryFilter{State: history.Pending, Limit: 100})
		tried := 0
		for _, d := range list {
			if d.Notifier == "hung" && d.Attempts > 0 {
				tried++
			}
		}
		return err == nil && tried > 1
	})
	if took := time.Since(began); took >= 2*sendTimeout {
		t.Errorf("a turn took %s, want the time of one attempt: %s", took, sendTimeout)
	}
	if n := len(hung.tried); n > 2 {
		t.Errorf("the one that hangs was tried %d times in a turn", n)
	}
}

func TestAnAlertFromBeforeADowntimeIsNotGivenUpAtItsFirstFailure(t *testing.T) {
	w := newWorld(t)
	w.friend.fail = []error{errors.New("the network is not up yet")}
	r := w.run(w.setup(w.target("orders", 10)), "one")
	r.addressed(1, w.now().Add(-3*giveUpAfter), "friend")
	w.until("postponed", func() bool {
		list, err := r.Store.Deliveries(t.Context(), history.DeliveryFilter{Limit: 1})
		return err == nil && len(list) == 1 && list[0].Attempts > 0
	})
	w.forward(maxRetryPause)
	w.until("delivered", func() bool { return w.friend.told() == "backup " })
}

func TestAnAlertThatNobodyTakesIsGivenUpInTheEnd(t *testing.T) {
	d := history.Delivery{Created: noon}
	var spent time.Duration
	for d.Attempts = range giveUpTries {
		spent += retryPause(d, nil)
	}
	if spent > giveUpAfter/4 {
		t.Errorf("the attempts there have to be take %s, too long beside %s", spent, giveUpAfter)
	}
}
