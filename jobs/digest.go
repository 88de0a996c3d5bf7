package jobs

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
)

// digestDrills bounds the drills counted for a digest.
const digestDrills = 100_000

// digest tells those who run Lifeboat, once for each occurrence of its schedule, what was
// proven since the one before, what was not, and what no target covers.
func (s *Service) digest(ctx context.Context) error {
	setup, now := s.setup.Load(), s.Now()
	if setup.Digest == nil {
		return nil
	}
	due, err := s.Store.Moment(ctx, momentDigest)
	switch {
	case err != nil:
		return fmt.Errorf("look when the next digest is due: %w", err)
	case due.IsZero(): // the first one comes after a whole period
		_, err := s.Store.Turn(ctx, momentDigest, due, setup.Digest.Next(now), nil)
		return err
	case now.Before(due):
		return nil
	}
	sum, err := s.summary(ctx, due.Add(-setup.Digest.Interval(due)), now)
	if err != nil {
		return err
	}
	told := history.Addressed{Alert: notify.NewDigest(sum, now), To: setup.Operators}
	if len(told.To) == 0 {
		told.Suppressed = "no notifier is configured under server.operators"
	}
	if _, err := s.Store.Turn(ctx, momentDigest, due, setup.Digest.Next(now), []history.Addressed{told}); err != nil {
		return fmt.Errorf("send the digest: %w", err)
	}
	return nil
}

// summary is what a digest says of the time between from and to.
func (s *Service) summary(ctx context.Context, from, to time.Time) (notify.Summary, error) {
	sum := notify.Summary{From: from, To: to}
	fleet, err := s.Store.Fleet(ctx, history.FleetQuery{})
	if err != nil {
		return sum, fmt.Errorf("look how targets stand: %w", err)
	}
	for _, st := range fleet.Standings {
		bad, open := st.Alerts.Problems[notify.BadBackup]
		failed := open && bad.Verdict == verify.Failed // whatever the last drill could tell
		if good := st.LastGood; good != nil && !good.At.Before(from) && st.Last.Verdict.Good() && !failed {
			sum.Proven = append(sum.Proven, st.Target)
			continue
		}
		claim := notify.Claim{Target: st.Target, Verdict: st.Last.Verdict, Why: st.Last.Summary}
		switch {
		case st.Last.ID == "":
			claim.Why = "it was never drilled"
		case failed && bad.Doubted:
			claim.Verdict, claim.Why = verify.Failed, "two drills of its newest backup disagree"
		case failed && st.Last.Verdict == verify.Errored: // no answer is no good news
			claim.Verdict = verify.Failed
			claim.Why = fmt.Sprintf("its newest backup was found bad (%s), and the last drill could not tell", strings.TrimSpace(bad.Code+" "+bad.Subject))
		case st.Last.Verdict.Good():
			claim.Why = "it was not drilled since " + st.Last.Finished.UTC().Format("2006-01-02 15:04") + " UTC"
		}
		sum.Unproven = append(sum.Unproven, claim)
	}
	if sum.Drills, err = s.ended(ctx, from); err != nil {
		return sum, err
	}
	cover, err := s.Coverage(ctx)
	if err != nil {
		return sum, err
	}
	for _, c := range cover.Sources {
		if c.Error != "" { // that nothing is named is no sign that all is covered
			sum.Uncovered = append(sum.Uncovered, c.Source+": not known, it could not be listed")
		}
		for _, u := range c.Uncovered {
			sum.Uncovered = append(sum.Uncovered, c.Source+": "+cmp.Or(u.Pattern, u.Example))
		}
	}
	return sum, nil
}

// ended counts the drills that began and ended since from.
func (s *Service) ended(ctx context.Context, from time.Time) (int, error) {
	const page = 1000
	f := history.Filter{States: []history.State{history.Finished, history.Interrupted}, Limit: page}
	n := 0
	for n < digestDrills {
		list, err := s.Store.List(ctx, f)
		if err != nil {
			return 0, fmt.Errorf("count the drills of a digest: %w", err)
		}
		for _, e := range list {
			if e.Started.Before(from) {
				return n, nil
			}
			n++
		}
		if len(list) < page {
			break
		}
		f.Before = list[len(list)-1].Cursor()
	}
	return n, nil
}
