package sqlstore

import (
	"cmp"
	"context"
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
	some := make([]verify.Report, 0, importAtOnce)
	flush := func() error {
		err := s.change(ctx, "import drills into", func(t *tx) error { return t.importSome(ctx, some) })
		some = some[:0]
		return err
	}
	for r := range reports {
		if r.Started.IsZero() || r.Finished.IsZero() {
			return fmt.Errorf("import drill %s: it does not say when it began and finished", r.Drill)
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

func (t *tx) importSome(ctx context.Context, reports []verify.Report) error {
	known := make(map[string]bool)
	for _, r := range reports {
		if !known[r.Target] {
			known[r.Target] = true
			if err := t.keepTarget(ctx, r.Target); err != nil {
				return err
			}
		}
		d := history.Drill{ID: r.Drill, Target: r.Target, Trigger: history.Scheduled, Priority: history.PriorityScheduled,
			Asked: r.Started, Attempt: 1}
		e := ended(history.Entry{Drill: d}, r, history.Finished)
		n, err := t.exec(ctx, `INSERT INTO drills (id, target, cause, priority, asked, up_at, attempt, state, verdict, summary,
				object_key, sha256, bytes, made_at, rows, restore, started, finished) VALUES (`+marks(18)+`) ON CONFLICT (id) DO NOTHING`,
			d.ID, d.Target, d.Trigger, d.Priority, d.Asked.UnixNano(), d.Asked.UnixNano(), d.Attempt, e.State, e.Verdict.String(), e.Summary,
			e.Key, e.SHA256, e.Bytes, nanos(e.MadeAt), e.Rows, int64(e.Restore), e.Started.UnixNano(), e.Finished.UnixNano())
		if err != nil {
			return err
		}
		if n == 0 {
			return answer{fmt.Errorf("import drill %s: it is on record already", r.Drill)}
		}
		if err := t.storeReport(ctx, r); err != nil {
			return err
		}
	}
	return nil
}
