package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lifeboat/storage"
)

// coverTimeout bounds listing all sources for what no target covers.
const coverTimeout = 10 * time.Minute

// keptCoverage is the name under which the last look is kept for all processes.
const keptCoverage = "coverage"

// Coverage is what lies in the sources that no target covers.
type Coverage struct {
	At      time.Time
	Sources []SourceCoverage
}

// SourceCoverage is one source's part of it.
type SourceCoverage struct {
	Source    string
	Error     string // why it could not be listed; then the rest says nothing
	Backups   int    // in all, as far as names tell
	Covered   int    // of them, belong to a target
	Uncovered []storage.Series
}

// Coverage returns what the last look found, empty when there was none.
func (s *Service) Coverage(ctx context.Context) (Coverage, error) {
	var c Coverage
	text, err := s.Store.Kept(ctx, keptCoverage)
	if err != nil || text == "" {
		return c, err
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return c, fmt.Errorf("read what no target covers: %w", err)
	}
	return c, nil
}

// cover lists the sources now and then, in one process of all.
func (s *Service) cover(ctx context.Context) error {
	now := s.Now()
	last, err := s.Store.Moment(ctx, momentCover)
	if err != nil {
		return fmt.Errorf("look when sources were last listed: %w", err)
	}
	if !last.IsZero() && now.Sub(last) < coveragePace && !now.Before(last) {
		return nil
	}
	mine, err := s.Store.Turn(ctx, momentCover, last, now, nil)
	if err != nil || !mine {
		return err
	}
	setup, found := s.setup.Load(), Coverage{At: now}
	for _, name := range slices.Sorted(maps.Keys(setup.Sources)) {
		found.Sources = append(found.Sources, setup.coverageOf(ctx, name, now))
	}
	text, err := json.Marshal(found)
	if err != nil {
		return fmt.Errorf("write down what no target covers: %w", err)
	}
	return s.Store.Keep(ctx, keptCoverage, string(text))
}

// coverageOf lists one source and asks of every series of backups in it whether a target
// would drill it.
func (s *Setup) coverageOf(ctx context.Context, name string, now time.Time) SourceCoverage {
	c := SourceCoverage{Source: name}
	series, _, err := storage.Survey(ctx, s.Sources[name], "", now)
	if err != nil {
		c.Error = err.Error()
		return c
	}
	for _, one := range series {
		c.Backups += one.Count
		if s.covers(name, one) {
			c.Covered += one.Count
			continue
		}
		one.Times = nil
		c.Uncovered = append(c.Uncovered, one)
	}
	return c
}

// covers reports whether a target of a source selects the newest backup of a series.
func (s *Setup) covers(source string, one storage.Series) bool {
	for _, t := range s.Targets {
		if t.Job.Target.Source != source {
			continue
		}
		if t.Pattern.Dir() && strings.HasPrefix(one.Example, t.Pattern.Prefix()) {
			return true
		}
		if _, ok := t.Pattern.Match(one.Example); ok {
			return true
		}
	}
	return false
}
