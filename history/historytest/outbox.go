package historytest

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"lifeboat/history"
	"lifeboat/notify"
)

var outboxPromises = []promise{
	{"an alert is on its way to each notifier, whole", sent},
	{"an alert that was told to nobody says why", suppressed},
	{"an alert is addressed to a notifier once", addressedOnce},
	{"deliveries are listed newest first, without reports", deliveryLists},
	{"deliveries are counted by notifier and state", outboxCounts},
	{"an unknown alert is not found", func(t *testing.T, s history.Store) { wantNoAlert(t, s, "a1") }},
}

func send(t *testing.T, s history.Store, a notify.Alert, to ...string) {
	t.Helper()
	if err := s.Send(t.Context(), []history.Addressed{{Alert: a, To: to}}); err != nil {
		t.Fatalf("Send(%s): %v", a.ID, err)
	}
}

// take claims what is due at minute n.
func take(t *testing.T, s history.Store, n int) []history.Delivery {
	t.Helper()
	list, err := s.ClaimDeliveries(t.Context(), "host/1", lease, minute(n), 100)
	if err != nil {
		t.Fatalf("ClaimDeliveries: %v", err)
	}
	return list
}

// takeOne claims the only delivery that is due at minute n.
func takeOne(t *testing.T, s history.Store, n int, id string) history.Delivery {
	t.Helper()
	list := take(t, s, n)
	if got := alertIDs(list); !slices.Equal(got, []string{id}) {
		t.Fatalf("at minute %d %v are due, want %s", n, got, id)
	}
	return list[0]
}

func alertIDs(list []history.Delivery) []string {
	var ids []string
	for _, d := range list {
		ids = append(ids, d.Alert.ID)
	}
	return ids
}

func deliver(t *testing.T, s history.Store, d history.Delivery, thread string, n int) {
	t.Helper()
	if err := s.Delivered(t.Context(), d, thread, minute(n)); err != nil {
		t.Fatalf("Delivered(%s): %v", d.Alert.ID, err)
	}
}

func listed(t *testing.T, s history.Store, f history.DeliveryFilter) []history.Delivery {
	t.Helper()
	if f.Limit == 0 {
		f.Limit = 100
	}
	list, err := s.Deliveries(t.Context(), f)
	if err != nil {
		t.Fatalf("Deliveries: %v", err)
	}
	return list
}

func sent(t *testing.T, s history.Store) {
	a := alert("a1", "p1", "orders")
	send(t, s, a, "ops", "owners")
	list := take(t, s, 1)
	var to []string
	for _, d := range list {
		to = append(to, d.Notifier)
		if !reflect.DeepEqual(d.Alert, a) {
			t.Errorf("the alert to be sent is\n%+v\nwant\n%+v", d.Alert, a)
		}
		if d.State != history.Pending || d.Attempts != 0 || d.Again || d.Thread != "" || !d.Ended.IsZero() || !d.Created.Equal(a.At) {
			t.Errorf("the delivery is %+v, want a new one", d)
		}
	}
	if slices.Sort(to); !slices.Equal(to, []string{"ops", "owners"}) {
		t.Fatalf("it goes to %v, want ops and owners", to)
	}
	if more := take(t, s, 2); len(more) > 0 {
		t.Errorf("%v are due while they are being sent", alertIDs(more))
	}
	deliver(t, s, list[0], "", 3)
	deliver(t, s, list[1], "", 3)
	if more := take(t, s, 4); len(more) > 0 {
		t.Errorf("%v are due after they were sent", alertIDs(more))
	}
	for _, d := range listed(t, s, history.DeliveryFilter{}) {
		if d.State != history.Sent || !d.Ended.Equal(minute(3)) || d.Why != "" {
			t.Errorf("the delivery is listed as %+v, want it sent", d)
		}
	}
}

func suppressed(t *testing.T, s history.Store) {
	a := alert("a1", "p1", "orders")
	if err := s.Send(t.Context(), []history.Addressed{{Alert: a, Suppressed: "maintenance until 22:00"}}); err != nil {
		t.Fatal(err)
	}
	if list := take(t, s, 99); len(list) > 0 {
		t.Errorf("%v are due, want none", alertIDs(list))
	}
	list := listed(t, s, history.DeliveryFilter{State: history.Suppressed})
	if len(list) != 1 || list[0].Alert.ID != "a1" || list[0].Notifier != "" || list[0].Why != "maintenance until 22:00" {
		t.Errorf("suppressed are %+v, want the alert and why", list)
	}
	// It does not hold up what comes after it.
	send(t, s, alert("a2", "p1", "orders"), "ops")
	takeOne(t, s, 99, "a2")
}

func addressedOnce(t *testing.T, s history.Store) {
	a := alert("a1", "p1", "orders")
	send(t, s, a, "ops")
	send(t, s, a, "ops", "owners")
	list := take(t, s, 1)
	if len(list) != 2 || list[0].Notifier == list[1].Notifier {
		t.Errorf("it goes to %+v, want ops and owners once each", list)
	}
}

func deliveryLists(t *testing.T, s history.Store) {
	for i := range 5 {
		send(t, s, alert(fmt.Sprintf("a%d", i), fmt.Sprintf("p%d", i), []string{"orders", "customers"}[i%2]), "ops")
	}
	list := take(t, s, 1)
	deliver(t, s, list[0], "", 2)
	for _, c := range []struct {
		f    history.DeliveryFilter
		want []string
	}{
		{history.DeliveryFilter{}, []string{"a4", "a3", "a2", "a1", "a0"}},
		{history.DeliveryFilter{Limit: 2}, []string{"a4", "a3"}},
		{history.DeliveryFilter{Limit: 2, Before: list[3].ID}, []string{"a2", "a1"}},
		{history.DeliveryFilter{Target: "customers"}, []string{"a3", "a1"}},
		{history.DeliveryFilter{State: history.Sent}, []string{"a0"}},
		{history.DeliveryFilter{State: history.Pending, Target: "orders"}, []string{"a4", "a2"}},
		{history.DeliveryFilter{State: history.GivenUp}, nil},
	} {
		got := listed(t, s, c.f)
		if !slices.Equal(alertIDs(got), c.want) {
			t.Errorf("Deliveries(%+v) = %v, want %v", c.f, alertIDs(got), c.want)
		}
		for _, d := range got {
			if d.Alert.Report != nil {
				t.Errorf("the alert %s is listed with its report", d.Alert.ID)
			}
		}
	}
	if a, err := s.Alert(t.Context(), "a0"); err != nil || a.Report == nil {
		t.Errorf("Alert = %+v, %v; want it with its report", a, err)
	}
}

func outboxCounts(t *testing.T, s history.Store) {
	at := func(id string, n int) notify.Alert {
		a := alert(id, "p-"+id, "orders")
		a.At = minute(n)
		return a
	}
	send(t, s, at("late", 5), "ops")
	send(t, s, at("early", 3), "ops")
	send(t, s, at("done", 1), "ops", "owners")
	if err := s.Send(t.Context(), []history.Addressed{{Alert: at("nobody", 1), Suppressed: "repeat"}}); err != nil {
		t.Fatal(err)
	}
	for _, d := range take(t, s, 9) {
		if d.Alert.ID == "done" {
			deliver(t, s, d, "", 9)
		}
	}
	got, err := s.OutboxCounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[history.OutboxCount]bool{
		{Notifier: "ops", State: history.Pending, Count: 2, Oldest: minute(3)}: true,
		{Notifier: "ops", State: history.Sent, Count: 1}:                       true,
		{Notifier: "owners", State: history.Sent, Count: 1}:                    true,
		{Notifier: "", State: history.Suppressed, Count: 1}:                    true,
	}
	for _, c := range got {
		if c.Count > 0 && !want[c] {
			t.Errorf("counted %+v, want it otherwise", c)
		}
		delete(want, c)
	}
	for c := range want {
		t.Errorf("not counted: %+v", c)
	}
}
