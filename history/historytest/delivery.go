package historytest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"lifeboat/history"
)

var deliveryPromises = []promise{
	{"alerts of one problem arrive one after another, in their thread", inThread},
	{"a notice waits for no other", noticesApart},
	{"deliveries are handed out oldest first and bounded", handedOut},
	{"a notifier with many deliveries leaves room for those of others", evenShares},
	{"of many claiming deliveries at once each gets its own", deliveryRace},
	{"an alert whose sender died comes back as perhaps arrived", againAfterLease},
	{"a postponed alert comes back when it may", postponed},
	{"an alert that may have arrived once may have arrived for good", perhapsArrived},
	{"an alert that is given up goes to others at once", givenUp},
	{"an alert is not given up without its fallback", giveUpAllOrNothing},
	{"a sender whose lease was taken over records nothing", staleDelivery},
}

func inThread(t *testing.T, s history.Store) {
	for _, id := range []string{"a1", "a2", "a3"} {
		send(t, s, alert(id, "p1", "orders"), "ops", "owners")
	}
	send(t, s, alert("b1", "p2", "orders"), "ops")
	first := take(t, s, 1)
	if got := alertIDs(first); !slices.Equal(got, []string{"a1", "a1", "b1"}) {
		t.Fatalf("at first %v are due, want the oldest of each problem and notifier", got)
	}
	if more := take(t, s, 2); len(more) > 0 {
		t.Errorf("%v are due while those before them are being sent", alertIDs(more))
	}
	for _, d := range first {
		if d.Notifier == "ops" {
			deliver(t, s, d, "thread-of-"+d.Alert.Problem, 2)
		}
	}
	second := takeOne(t, s, 3, "a2") // owners still wait for their first
	if second.Notifier != "ops" || second.Thread != "thread-of-p1" {
		t.Errorf("the second goes to %s in the thread %q, want ops and thread-of-p1", second.Notifier, second.Thread)
	}
	deliver(t, s, second, "", 4) // says nothing new about its thread
	if third := takeOne(t, s, 5, "a3"); third.Thread != "thread-of-p1" {
		t.Errorf("the third goes into the thread %q, want thread-of-p1", third.Thread)
	}
}

func noticesApart(t *testing.T, s history.Store) {
	for _, id := range []string{"a1", "a2"} {
		send(t, s, alert(id, "", ""), "ops")
	}
	list := take(t, s, 1)
	if got := alertIDs(list); !slices.Equal(got, []string{"a1", "a2"}) {
		t.Fatalf("%v are due, want both", got)
	}
	deliver(t, s, list[0], "thread", 2)
	send(t, s, alert("a3", "", ""), "ops")
	if d := takeOne(t, s, 3, "a3"); d.Thread != "" {
		t.Errorf("a notice joins the thread %q of another", d.Thread)
	}
}

func handedOut(t *testing.T, s history.Store) {
	for i := range 5 {
		send(t, s, alert(fmt.Sprintf("a%d", i), fmt.Sprintf("p%d", i), "orders"), "ops")
	}
	for _, want := range [][]string{{"a0", "a1"}, {"a2", "a3"}, {"a4"}, nil} {
		list, err := s.ClaimDeliveries(t.Context(), "host/1", lease, minute(1), 2)
		if got := alertIDs(list); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v are handed out, %v; want %v", got, err, want)
		}
	}
}

func evenShares(t *testing.T, s history.Store) {
	for i := range 6 {
		send(t, s, alert(fmt.Sprintf("a%d", i), fmt.Sprintf("p%d", i), "orders"), "ops")
	}
	send(t, s, alert("a6", "p6", "orders"), "owners", "ops")
	list, err := s.ClaimDeliveries(t.Context(), "host/1", lease, minute(1), 3)
	if got := alertIDs(list); err != nil || !slices.Equal(got, []string{"a0", "a1", "a6"}) || list[2].Notifier != "owners" {
		t.Errorf("%v are handed out, %v; want two of ops and the one of owners", got, err)
	}
}

func deliveryRace(t *testing.T, s history.Store) {
	const many = 12
	for i := range many {
		send(t, s, alert(fmt.Sprintf("a%d", i), fmt.Sprintf("p%d", i/2), "orders"), "ops")
	}
	lists := make([][]history.Delivery, 6)
	errs := race(len(lists), func(i int) (err error) {
		lists[i], err = s.ClaimDeliveries(t.Context(), fmt.Sprintf("host/%d", i), lease, minute(1), many)
		return err
	})
	if err := errors.Join(errs...); err != nil {
		t.Errorf("ClaimDeliveries: %v", err)
	}
	got := alertIDs(slices.Concat(lists...))
	slices.Sort(got)
	if want := []string{"a0", "a10", "a2", "a4", "a6", "a8"}; !slices.Equal(got, want) {
		t.Errorf("%v were handed out, want the oldest of each problem once: %v", got, want)
	}
}

func againAfterLease(t *testing.T, s history.Store) {
	send(t, s, alert("a1", "p1", "orders"), "ops")
	send(t, s, alert("a2", "p1", "orders"), "ops")
	first, err := s.ClaimDeliveries(t.Context(), "host/1", shortLease, minute(1), 10)
	if err != nil || len(first) != 1 || first[0].Again {
		t.Fatalf("ClaimDeliveries = %+v, %v; want a1, never sent before", first, err)
	}
	var second []history.Delivery
	eventually(t, "the delivery comes back", func() bool {
		second = take(t, s, 1)
		return len(second) > 0
	})
	if len(second) != 1 || second[0].Alert.ID != "a1" || !second[0].Again || second[0].Token <= first[0].Token {
		t.Errorf("after the lease ran out it is %+v, want a1 once more with a higher token than %d", second, first[0].Token)
	}
}

func postponed(t *testing.T, s history.Store) {
	send(t, s, alert("a1", "p1", "orders"), "ops")
	send(t, s, alert("a2", "p1", "orders"), "ops")
	d := takeOne(t, s, 1, "a1")
	if err := s.Postpone(t.Context(), d, "asked to wait 5 min", minute(6), minute(1), false); err != nil {
		t.Fatal(err)
	}
	list := listed(t, s, history.DeliveryFilter{State: history.Pending})
	if e := list[len(list)-1]; e.Why != "asked to wait 5 min" || !e.NotBefore.Equal(minute(6)) || e.Attempts != 1 || !e.Ended.IsZero() {
		t.Errorf("the postponed delivery is %+v", e)
	}
	if early := take(t, s, 5); len(early) > 0 {
		t.Errorf("%v are due before they may, or out of turn", alertIDs(early))
	}
	if d = takeOne(t, s, 6, "a1"); d.Again || d.Attempts != 1 {
		t.Errorf("it comes back as %+v, want one that did not arrive, after one attempt", d)
	}
	deliver(t, s, d, "", 6)
	takeOne(t, s, 7, "a2")
}

func perhapsArrived(t *testing.T, s history.Store) {
	send(t, s, alert("a1", "p1", "orders"), "ops")
	for n, again := range []bool{true, false, false} {
		d := takeOne(t, s, 2*n+1, "a1")
		if d.Again != (n > 0) || d.Attempts != n {
			t.Errorf("attempt %d: again is %t after %d attempts", n, d.Again, d.Attempts)
		}
		if err := s.Postpone(t.Context(), d, "no answer", minute(2*n+2), minute(2*n+1), again); err != nil {
			t.Fatal(err)
		}
	}
}

func givenUp(t *testing.T, s history.Store) {
	a := alert("a1", "p1", "orders")
	send(t, s, a, "ops")
	send(t, s, alert("a2", "p1", "orders"), "ops")
	d := takeOne(t, s, 1, "a1")
	trouble := alert("s1", "service", "")
	instead := []history.Addressed{{Alert: a, To: []string{"fallback"}}, {Alert: trouble, To: []string{"fallback"}}}
	if err := s.GiveUp(t.Context(), d, "refused: channel_not_found", minute(2), instead); err != nil {
		t.Fatal(err)
	}
	list := listed(t, s, history.DeliveryFilter{State: history.GivenUp})
	if len(list) != 1 || list[0].ID != d.ID || !list[0].Ended.Equal(minute(2)) || list[0].Why != "refused: channel_not_found" {
		t.Errorf("given up are %+v, want the first", list)
	}
	got := make(map[string]string)
	for _, d := range take(t, s, 3) {
		got[d.Alert.ID] = d.Notifier
		if d.Alert.ID == "a1" && !reflect.DeepEqual(d.Alert, a) {
			t.Errorf("the fallback gets\n%+v\nwant\n%+v", d.Alert, a)
		}
	}
	if want := map[string]string{"a1": "fallback", "s1": "fallback", "a2": "ops"}; !reflect.DeepEqual(got, want) {
		t.Errorf("now %v are due, want %v", got, want)
	}
}

func giveUpAllOrNothing(t *testing.T, s history.Store) {
	send(t, s, alert("a1", "p1", "orders"), "ops")
	d := takeOne(t, s, 1, "a1")
	bad := []history.Addressed{{Alert: alert("", "", ""), To: []string{"fallback"}}}
	if err := s.GiveUp(t.Context(), d, "refused", minute(2), bad); err == nil {
		t.Error("GiveUp stored an alert without an id")
	}
	if list := listed(t, s, history.DeliveryFilter{}); len(list) != 1 || list[0].State != history.Pending {
		t.Errorf("deliveries are %+v, want the one that is being sent", list)
	}
	deliver(t, s, d, "", 3)
}

func staleDelivery(t *testing.T, s history.Store) {
	send(t, s, alert("a1", "p1", "orders"), "ops")
	first, err := s.ClaimDeliveries(t.Context(), "host/1", time.Millisecond, minute(1), 10)
	if err != nil || len(first) != 1 {
		t.Fatalf("ClaimDeliveries = %+v, %v; want one", first, err)
	}
	var now []history.Delivery
	eventually(t, "the delivery comes back", func() bool {
		now = take(t, s, 1)
		return len(now) > 0
	})
	old := first[0]
	for what, err := range map[string]error{
		"Delivered": s.Delivered(t.Context(), old, "stale", minute(2)),
		"Postpone":  s.Postpone(t.Context(), old, "stale", minute(90), minute(2), false),
		"GiveUp":    s.GiveUp(t.Context(), old, "stale", minute(2), []history.Addressed{{Alert: alert("s1", "p2", ""), To: []string{"fallback"}}}),
	} {
		if !errors.Is(err, history.ErrLeaseLost) {
			t.Errorf("%s of a lost delivery = %v, want ErrLeaseLost", what, err)
		}
	}
	if list := listed(t, s, history.DeliveryFilter{}); len(list) != 1 || list[0].State != history.Pending || list[0].Why != "" {
		t.Errorf("deliveries are %+v, want the one of the new sender untouched", list)
	}
	deliver(t, s, now[0], "", 3)
	if err := s.Delivered(t.Context(), now[0], "", minute(4)); !errors.Is(err, history.ErrLeaseLost) {
		t.Errorf("Delivered twice = %v, want ErrLeaseLost", err)
	}
}
