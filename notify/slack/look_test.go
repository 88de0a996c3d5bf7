package slack_test

import (
	"strconv"
	"testing"

	"lifeboat/notify"
	"lifeboat/notify/notifytest"
)

// TestAnAlertIsFoundAmongManyOthers has a channel of alerts, whose pages are larger than
// other answers.
func TestAnAlertIsFoundAmongManyOthers(t *testing.T) {
	s := fake(t)
	n := bot(t, s, "#backups", nil)
	a := notifytest.Samples()[0].Alert
	const many = 150
	for i := range many {
		a.ID, a.Problem = "alert-"+strconv.Itoa(i), "problem-"+strconv.Itoa(i)
		send(t, n, notify.Message{Alert: a})
	}
	a.ID, a.Problem = "alert-0", "problem-0"
	send(t, n, notify.Message{Alert: a, Again: true})
	if got := len(s.Messages()); got != many {
		t.Errorf("%d messages, want the %d there were", got, many)
	}
}
