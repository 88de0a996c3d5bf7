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
	"lifeboat/verify"
)

// standing is a target's row.
type standing struct {
	history.Standing
	lastDrill    string
	lastVerdict  verify.Verdict
	lastFinished time.Time
}

const standingColumns = `name, since, planned, retired, next_at, last_drill, last_verdict, last_finished, verdict_at,
	good_drill, good_key, good_made_at, good_at, newest_key, newest_at, alerts`

func scanStanding(row scanner) (standing, error) {
	var st standing
	var good notify.Proof
	var verdict, alerts string
	err := row.Scan(&st.Target, when(&st.Since), when(&st.Planned), when(&st.Retired), when(&st.Next), &st.lastDrill, &verdict, when(&st.lastFinished),
		when(&st.VerdictAt), &good.Drill, &good.Key, when(&good.MadeAt), when(&good.At), &st.NewestBackup, when(&st.NewestBackupAt), &alerts)
	if err != nil {
		return st, err
	}
	if good.Drill != "" {
		st.LastGood = &good
	}
	if err := json.Unmarshal([]byte(alerts), &st.Alerts); err != nil {
		return st, err
	}
	return st, st.lastVerdict.UnmarshalText([]byte(verdict))
}

// standing reads a target's row and keeps it for this transaction.
func (t *tx) standing(ctx context.Context, target string) (standing, error) {
	st, err := scanStanding(t.row(ctx, `SELECT `+standingColumns+` FROM targets WHERE name = ?`+t.lock, target))
	if errors.Is(err, sql.ErrNoRows) {
		err = answer{fmt.Errorf("%w: nothing is known of target %s", history.ErrNotFound, target)}
	}
	return st, err
}

// asOf is how the target stood at a moment. What is dated later was dated by a clock that was
// put back since, and must not outshine what comes now until its time comes round.
func (st standing) asOf(at time.Time) standing {
	if st.lastFinished.After(at) {
		st.lastFinished = at
	}
	if st.VerdictAt.After(at) {
		st.VerdictAt = at
	}
	if st.LastGood != nil && st.LastGood.At.After(at) {
		proof := *st.LastGood
		proof.At = at
		st.LastGood = &proof
	}
	return st
}

// after is how the target stands once a drill of it ended.
func (st standing) after(e history.Entry) standing {
	// A drill of an older backup that was asked for by name says nothing about the newest one.
	older := e.Backup != "" && e.MadeAt.Before(st.NewestBackupAt)
	// A second look turns nothing green, and neither does a drill of the bad backup by its name,
	// which is not asked how old it is: only what they find bad as well takes the place of the first.
	// Nor does a second look that comes late turn anything red.
	again := e.Backup != "" && st.lastVerdict == verify.Failed && e.MadeAt.Equal(st.NewestBackupAt)
	second := e.Trigger == history.Confirm
	doubts := (again || second) && e.Verdict != verify.Failed || second && st.lastVerdict.Good()
	if !older && !doubts && !e.Finished.Before(st.lastFinished) {
		st.lastDrill, st.lastVerdict, st.lastFinished = e.ID, e.Verdict, e.Finished
	}
	told := (e.Verdict.Good() || e.Verdict == verify.Failed) && !older
	if told && e.Finished.After(st.VerdictAt) {
		st.VerdictAt = e.Finished
	}
	if e.Verdict.Good() && !older && !doubts && (st.LastGood == nil || !e.Finished.Before(st.LastGood.At)) {
		st.LastGood = &notify.Proof{Drill: e.ID, Key: e.Key, MadeAt: e.MadeAt, At: e.Finished}
	}
	if e.Key != "" && !older {
		st.NewestBackup, st.NewestBackupAt = e.Key, e.MadeAt
	}
	return st
}

// urgency sorts the fleet: 0 needs a person most.
func (st standing) urgency() int {
	has := func(k notify.Kind) bool { _, open := st.Alerts.Problems[k]; return open }
	switch {
	case st.lastVerdict == verify.Failed || has(notify.BadBackup):
		return 0
	case st.lastVerdict == verify.Errored || has(notify.Unverified):
		return 1
	case st.lastVerdict == verify.Unknown:
		return 2
	case has(notify.Overdue):
		return 3
	case st.lastVerdict == verify.Warned:
		return 4
	}
	return 5
}

func (t *tx) storeStanding(ctx context.Context, st standing) error {
	alerts, err := json.Marshal(st.Alerts)
	if err != nil {
		return answer{fmt.Errorf("write down the alerts of target %s: %w", st.Target, err)}
	}
	var good notify.Proof
	if st.LastGood != nil {
		good = *st.LastGood
	}
	_, err = t.exec(ctx, `UPDATE targets SET last_drill = ?, last_verdict = ?, last_finished = ?, verdict_at = ?,
		good_drill = ?, good_key = ?, good_made_at = ?, good_at = ?, newest_key = ?, newest_at = ?, alerts = ?, problems = ?, urgency = ?
		WHERE name = ?`,
		st.lastDrill, st.lastVerdict.String(), nanos(st.lastFinished), nanos(st.VerdictAt),
		good.Drill, good.Key, nanos(good.MadeAt), nanos(good.At), st.NewestBackup, nanos(st.NewestBackupAt),
		string(alerts), len(st.Alerts.Problems), st.urgency(), st.Target)
	return err
}

// Standing implements history.Standings.
func (s *Store) Standing(ctx context.Context, target string) (history.Standing, error) {
	st, err := scanStanding(s.look().row(ctx, `SELECT `+standingColumns+` FROM targets WHERE name = ?`, target))
	if errors.Is(err, sql.ErrNoRows) {
		return history.Standing{}, fmt.Errorf("%w: nothing is known of target %s", history.ErrNotFound, target)
	}
	list := []standing{st}
	if err == nil {
		err = s.look().complete(ctx, list)
	}
	return list[0].Standing, s.explain("read how target "+target+" stands from", err)
}

// Update implements history.Standings.
func (s *Store) Update(ctx context.Context, target string, then func(history.Standing) (history.Effects, bool)) error {
	return s.change(ctx, "update how target "+target+" stands in", func(t *tx) error {
		st, err := t.standing(ctx, target)
		if err != nil {
			return err
		}
		list := []standing{st}
		if err := t.complete(ctx, list); err != nil {
			return err
		}
		effects, changed := then(list[0].Standing)
		if !changed {
			return nil
		}
		return t.follow(ctx, st, &effects)
	})
}

// complete fills in what other tables know: the last drills, the running and the queued.
func (s session) complete(ctx context.Context, list []standing) error {
	if len(list) == 0 {
		return nil
	}
	ids := make([]string, 0, len(list))
	for _, st := range list {
		if st.lastDrill != "" {
			ids = append(ids, st.lastDrill)
		}
	}
	last, err := s.entriesByID(ctx, ids)
	if err != nil {
		return err
	}
	var only condition
	if len(list) <= namedAtOnce { // a page must not count what waits of all others
		names := make([]string, 0, len(list))
		for _, st := range list {
			names = append(names, st.Target)
		}
		only = in(` AND target IN `, names)
	}
	running, queued := make(map[string]string), make(map[string]int)
	err = s.each(ctx, func(rows *sql.Rows) error {
		var target, id string
		err := rows.Scan(&target, &id)
		running[target] = id
		return err
	}, `SELECT target, id FROM drills WHERE state = 'running'`+only.text, only.args...)
	if err != nil {
		return err
	}
	err = s.each(ctx, func(rows *sql.Rows) error {
		var target string
		var n int
		err := rows.Scan(&target, &n)
		queued[target] = n
		return err
	}, `SELECT target, count(*) FROM drills WHERE state = 'queued'`+only.text+` GROUP BY target`, only.args...)
	for i := range list {
		st := &list[i]
		st.Last, st.Running, st.Queued = last[st.lastDrill], running[st.Target], queued[st.Target]
	}
	return err
}

// namedAtOnce is how many drills or targets one statement names.
const namedAtOnce = 500

// entriesByID reads drills by their whole ids.
func (s session) entriesByID(ctx context.Context, ids []string) (map[string]history.Entry, error) {
	found := make(map[string]history.Entry, len(ids))
	for len(ids) > 0 {
		n := min(len(ids), namedAtOnce)
		args := make([]any, n)
		for i, id := range ids[:n] {
			args[i] = id
		}
		list, err := s.entries(ctx, `SELECT `+columns+` FROM drills WHERE id IN (`+marks(n)+`)`, args...)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			found[e.ID] = e
		}
		ids = ids[n:]
	}
	return found, nil
}
