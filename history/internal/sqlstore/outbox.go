package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"lifeboat/history"
	"lifeboat/notify"
)

// address stores alerts and who carries them. An alert that is there already keeps
// its words; notifiers that carry it already do not carry it twice.
func (t *tx) address(ctx context.Context, alerts []history.Addressed) error {
	for _, a := range alerts {
		if len(a.To) == 0 {
			a.Alert.Report = nil // nobody is sent it, and a target may be bad for months
		}
		if err := t.storeAlert(ctx, a.Alert); err != nil {
			return err
		}
		to, state := a.To, history.Pending
		if len(to) == 0 {
			to, state = []string{""}, history.Suppressed
		}
		for _, notifier := range to {
			var ended any
			if state == history.Suppressed {
				ended = a.Alert.At.UnixNano()
			}
			_, err := t.exec(ctx, `INSERT INTO deliveries (alert, notifier, problem, target, state, created, ended, why)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (alert, notifier) DO NOTHING`,
				a.Alert.ID, notifier, a.Alert.Problem, a.Alert.Target, state, a.Alert.At.UnixNano(), ended, a.Suppressed)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tx) storeAlert(ctx context.Context, a notify.Alert) error {
	if a.ID == "" {
		return answer{errors.New("store an alert: it has no id")}
	}
	var report any
	if a.Report != nil {
		whole, err := json.Marshal(a.Report)
		if err != nil {
			return answer{fmt.Errorf("write down the report of alert %s: %w", a.ID, err)}
		}
		report = string(whole)
	}
	a.Report = nil
	words, err := json.Marshal(a)
	if err != nil {
		return answer{fmt.Errorf("write down alert %s: %w", a.ID, err)}
	}
	_, err = t.exec(ctx, `INSERT INTO alerts (id, problem, target, at, alert, report) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		a.ID, a.Problem, a.Target, a.At.UnixNano(), string(words), report)
	return err
}

// Send implements history.Outbox.
func (s *Store) Send(ctx context.Context, alerts []history.Addressed) error {
	return s.change(ctx, "store alerts in", func(t *tx) error { return t.address(ctx, alerts) })
}

// Alert implements history.Outbox.
func (s *Store) Alert(ctx context.Context, id string) (notify.Alert, error) {
	var a notify.Alert
	var words string
	var report sql.NullString
	err := s.look().row(ctx, `SELECT alert, report FROM alerts WHERE id = ?`, id).Scan(&words, &report)
	if errors.Is(err, sql.ErrNoRows) {
		return a, fmt.Errorf("%w: no alert has the id %s", history.ErrNotFound, id)
	}
	if err == nil {
		err = json.Unmarshal([]byte(words), &a)
	}
	if err == nil && report.Valid {
		err = json.Unmarshal([]byte(report.String), &a.Report)
	}
	return a, s.explain("read alert "+id+" from", err)
}

// ClaimDeliveries implements history.Outbox. What is due is asked twice: the rows may have
// been taken while this waited for them. A lease that is still there when the next
// one is taken ran out while the alert was being sent.
func (s *Store) ClaimDeliveries(ctx context.Context, owner string, lease time.Duration, now time.Time, limit int) ([]history.Delivery, error) {
	var list []history.Delivery
	err := s.change(ctx, "take alerts to deliver from", func(t *tx) error {
		list = nil
		const due = `state = 'pending' AND coalesce(not_before, 0) <= ? AND coalesce(lease_until, 0) <= `
		ids, err := t.strings(ctx, `SELECT id FROM deliveries WHERE id IN (SELECT id FROM
			(SELECT id, row_number() OVER (PARTITION BY notifier ORDER BY id) AS turn FROM deliveries d
				WHERE `+due+t.clock+` AND (problem = '' OR NOT EXISTS (SELECT 1 FROM deliveries e
					WHERE e.state = 'pending' AND e.problem = d.problem AND e.notifier = d.notifier AND e.id < d.id))) AS fair
			ORDER BY turn, id LIMIT ?) AND `+due+t.clock+` ORDER BY id`+t.free, now.UnixNano(), limit, now.UnixNano())
		if err != nil {
			return err
		}
		for _, id := range ids {
			_, err := t.exec(ctx, `UPDATE deliveries SET again = CASE WHEN lease_until IS NULL THEN again ELSE 1 END,
				lease_until = `+t.clock+` + ?, owner = ?, token = token + 1 WHERE id = ?`, int64(lease), owner, id)
			if err != nil {
				return err
			}
			got, err := t.deliveries(ctx, true, `d.id = ?`, `LIMIT 1`, id)
			if err != nil {
				return err
			}
			list = append(list, got...)
		}
		return nil
	})
	return list, err
}

// deliveries reads some, with the reports of their alerts where they are to be sent.
func (s session) deliveries(ctx context.Context, whole bool, where, order string, args ...any) ([]history.Delivery, error) {
	report := `NULL`
	if whole {
		report = `a.report`
	}
	var list []history.Delivery
	err := s.each(ctx, func(rows *sql.Rows) error {
		var d history.Delivery
		var words string
		var report sql.NullString
		err := rows.Scan(&d.ID, &d.Notifier, &d.State, &d.Attempts, when(&d.NotBefore), when(&d.Created), when(&d.Ended), &d.Why,
			&d.Again, &d.Token, &d.Thread, &words, &report)
		if err == nil {
			err = json.Unmarshal([]byte(words), &d.Alert)
		}
		if err == nil && report.Valid {
			err = json.Unmarshal([]byte(report.String), &d.Alert.Report)
		}
		list = append(list, d)
		return err
	}, `SELECT d.id, d.notifier, d.state, d.attempts, d.not_before, d.created, d.ended, d.why, d.again = 1, d.token,
			coalesce(t.thread, ''), a.alert, `+report+`
		FROM deliveries d JOIN alerts a ON a.id = d.alert LEFT JOIN threads t ON t.problem = d.problem AND t.notifier = d.notifier
		WHERE `+where+` `+order, args...)
	return list, err
}

// settle changes a delivery that is leased under d's token, and ends the lease.
func (t *tx) settle(ctx context.Context, d history.Delivery, set string, args ...any) error {
	n, err := t.exec(ctx, `UPDATE deliveries SET attempts = attempts + 1, lease_until = NULL, owner = '', `+set+`
		WHERE id = ? AND token = ? AND state = 'pending' AND lease_until IS NOT NULL`, append(args, d.ID, d.Token)...)
	if err == nil && n == 0 {
		err = answer{fmt.Errorf("delivery %d of alert %s to %s: %w", d.ID, d.Alert.ID, d.Notifier, history.ErrLeaseLost)}
	}
	return err
}

// Delivered implements history.Outbox.
func (s *Store) Delivered(ctx context.Context, d history.Delivery, thread string, now time.Time) error {
	return s.change(ctx, "record a delivered alert in", func(t *tx) error {
		err := t.settle(ctx, d, `state = 'sent', ended = ?, why = ''`, now.UnixNano())
		if err != nil || thread == "" || d.Alert.Problem == "" {
			return err
		}
		_, err = t.exec(ctx, `INSERT INTO threads (problem, notifier, thread) VALUES (?, ?, ?)
			ON CONFLICT (problem, notifier) DO UPDATE SET thread = excluded.thread`, d.Alert.Problem, d.Notifier, thread)
		return err
	})
}

// Postpone implements history.Outbox. An alert that may have arrived once stays one.
func (s *Store) Postpone(ctx context.Context, d history.Delivery, why string, notBefore, now time.Time, again bool) error {
	return s.change(ctx, "postpone an alert in", func(t *tx) error {
		arrived := 0
		if again {
			arrived = 1
		}
		return t.settle(ctx, d, `not_before = CAST(? AS BIGINT), why = ?, again = CASE WHEN ? = 1 THEN 1 ELSE again END`,
			nanos(notBefore), why, arrived)
	})
}

// GiveUp implements history.Outbox.
func (s *Store) GiveUp(ctx context.Context, d history.Delivery, why string, now time.Time, instead []history.Addressed) error {
	return s.change(ctx, "give up an alert in", func(t *tx) error {
		if err := t.settle(ctx, d, `state = 'given-up', ended = ?, why = ?`, now.UnixNano(), why); err != nil {
			return err
		}
		return t.address(ctx, instead)
	})
}

// Deliveries implements history.Outbox.
func (s *Store) Deliveries(ctx context.Context, f history.DeliveryFilter) ([]history.Delivery, error) {
	where, args := `1 = 1`, []any{}
	if f.Target != "" {
		where += ` AND d.target = ?`
		args = append(args, f.Target)
	}
	if f.State != "" {
		where += ` AND d.state = ?`
		args = append(args, f.State)
	}
	if f.Before > 0 {
		where += ` AND d.id < ?`
		args = append(args, f.Before)
	}
	list, err := s.look().deliveries(ctx, false, where, `ORDER BY d.id DESC LIMIT ?`, append(args, max(1, f.Limit))...)
	return list, s.explain("list alerts in", err)
}

// OutboxCounts implements history.Outbox.
func (s *Store) OutboxCounts(ctx context.Context) ([]history.OutboxCount, error) {
	var list []history.OutboxCount
	err := s.look().each(ctx, func(rows *sql.Rows) error {
		var c history.OutboxCount
		err := rows.Scan(&c.Notifier, &c.State, &c.Count, when(&c.Oldest))
		if c.State != history.Pending {
			c.Oldest = time.Time{}
		}
		list = append(list, c)
		return err
	}, `SELECT notifier, state, count(*), min(created) FROM deliveries GROUP BY notifier, state ORDER BY notifier, state`)
	return list, s.explain("count alerts in", err)
}
