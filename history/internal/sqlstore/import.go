package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"lifeboat/history"
	"lifeboat/verify"
)

// importAtOnce is how many drills one transaction takes in.
const importAtOnce = 1000

// Import implements history.Importer.
func (s *Store) Import(ctx context.Context, reports iter.Seq[verify.Report]) error {
	last := make(map[decisive]history.Entry)
	known := make(map[string]bool)
	some, fresh := make([]verify.Report, 0, importAtOnce), []string(nil)
	flush := func() error {
		err := s.change(ctx, "import drills into", func(t *tx) error { return t.importSome(ctx, some, fresh) })
		some, fresh = some[:0], fresh[:0]
		return err
	}
	for r := range reports {
		if r.Started.IsZero() || r.Finished.IsZero() {
			return fmt.Errorf("import drill %s: it does not say when it began and finished", r.Drill)
		}
		if !known[r.Target] {
			known[r.Target] = true
			fresh = append(fresh, r.Target)
		}
		e := ended(history.Entry{Drill: history.Drill{ID: r.Drill, Target: r.Target}}, r, history.Finished)
		of := decisive{e.Target, e.Verdict, e.Key != ""}
		if !last[of].Finished.After(e.Finished) {
			last[of] = e
		}
		if some = append(some, r); len(some) == importAtOnce {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	return s.change(ctx, "store how targets stand in", func(t *tx) error { return t.restand(ctx, last) })
}

// decisive is a kind of drill of which only a target's last one counts for how it stands.
type decisive struct {
	target  string
	verdict verify.Verdict
	backup  bool // one was found
}

func (t *tx) restand(ctx context.Context, last map[decisive]history.Entry) error {
	if t.usual != "" {
		if _, err := t.exec(ctx, t.usual); err != nil {
			return err
		}
	}
	ended := slices.SortedFunc(maps.Values(last), func(a, b history.Entry) int {
		return cmp.Or(cmp.Compare(a.Target, b.Target), a.Finished.Compare(b.Finished))
	})
	for len(ended) > 0 {
		target := ended[0].Target
		st, err := t.standing(ctx, target)
		if err != nil {
			return err
		}
		for len(ended) > 0 && ended[0].Target == target {
			st, ended = st.after(ended[0]), ended[1:]
		}
		if err := t.storeStanding(ctx, st); err != nil {
			return err
		}
	}
	return nil
}

// rowsAtOnce is how many drills one statement inserts.
const rowsAtOnce = 100

func (t *tx) importSome(ctx context.Context, reports []verify.Report, fresh []string) error {
	if t.roomy != "" {
		if _, err := t.exec(ctx, t.roomy); err != nil {
			return err
		}
	}
	for _, target := range fresh {
		if err := t.keepTarget(ctx, target); err != nil {
			return err
		}
	}
	for some := range slices.Chunk(reports, rowsAtOnce) {
		if err := t.importRows(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) importRows(ctx context.Context, reports []verify.Report) error {
	row := `(` + marks(17) + `)`
	var drills, whole []any
	for _, r := range reports {
		e := ended(history.Entry{}, r, history.Finished)
		drills = append(drills, r.Drill, r.Target, history.Scheduled, history.PriorityScheduled, e.Started.UnixNano(), e.Started.UnixNano(),
			e.State, e.Verdict.String(), e.Summary, e.Key, e.SHA256, e.Bytes, nanos(e.MadeAt), e.Rows, int64(e.Restore),
			e.Started.UnixNano(), e.Finished.UnixNano())
		row, err := reportRow(r)
		if err != nil {
			return err
		}
		whole = append(whole, row...)
	}
	n, err := t.exec(ctx, `INSERT INTO drills (id, target, cause, priority, asked, up_at, state, verdict, summary,
			object_key, sha256, bytes, made_at, rows, restore, started, finished)
		VALUES `+repeat(row, len(reports))+` ON CONFLICT (id) DO NOTHING`, drills...)
	if err == nil && n < int64(len(reports)) {
		err = answer{errors.New("import drills: some of them are on record already")}
	}
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `INSERT INTO reports (drill, report, tables) VALUES `+repeat(`(?,?,?)`, len(reports)), whole...)
	return err
}
