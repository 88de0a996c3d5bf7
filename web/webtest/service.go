// Package webtest holds what the tests of pages and API share: a service in memory over
// a real store, and a history in which everything has happened at least once. Nothing
// of the product imports it.
package webtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"lifeboat/history"
	"lifeboat/verify"
	"lifeboat/web"
)

// Service is a web.Service without storage and sandbox. Drills are queued in its store
// and nobody runs them. Its fields may be changed before it is used.
type Service struct {
	Store   history.Store
	Now     func() time.Time
	List    []web.Target
	Backups map[string][]verify.Candidate // by target
	Wrong   []web.Condition
	Lies    web.Coverage
	// ReloadErr is what Reload answers, StorageErr what Artifacts and Coverage do.
	ReloadErr, StorageErr error

	mu      sync.Mutex
	asked   int
	news    []string
	reloads int
}

var _ web.Service = (*Service)(nil)

// Targets implements web.Service.
func (s *Service) Targets() []web.Target {
	list := slices.SortedFunc(slices.Values(s.List), func(a, b web.Target) int { return strings.Compare(a.Name, b.Name) })
	for i := range list {
		list[i].Config, list[i].Peculiar, list[i].Upcoming = "", nil, nil
	}
	return list
}

// Target implements web.Service.
func (s *Service) Target(name string) (web.Target, bool) {
	i := slices.IndexFunc(s.List, func(t web.Target) bool { return t.Name == name })
	if i < 0 {
		return web.Target{}, false
	}
	return s.List[i], true
}

// Drill implements web.Service.
func (s *Service) Drill(ctx context.Context, a web.Ask) (string, bool, error) {
	if _, ok := s.Target(a.Target); !ok {
		return "", false, fmt.Errorf("target %s: %w", a.Target, web.ErrNoTarget)
	}
	has := func(c verify.Candidate) bool { return c.Key == a.Backup }
	if a.Backup != "" && !slices.ContainsFunc(s.Backups[a.Target], has) {
		return "", false, fmt.Errorf("backup %s: %w", a.Backup, web.ErrNoBackup)
	}
	s.mu.Lock()
	s.asked++
	id := fmt.Sprintf("asked-%04d", s.asked)
	s.mu.Unlock()
	return s.Store.Enqueue(ctx, history.Drill{
		ID: id, Target: a.Target, Backup: a.Backup, By: a.By,
		Trigger: history.Manual, Priority: history.PriorityManual, Asked: s.Now(), Attempt: 1,
	})
}

// Cancel implements web.Service.
func (s *Service) Cancel(ctx context.Context, drill, by string) error {
	_, err := s.Store.Cancel(ctx, drill, by, s.Now())
	return err
}

// Artifacts implements web.Service.
func (s *Service) Artifacts(_ context.Context, target string) ([]verify.Candidate, error) {
	if _, ok := s.Target(target); !ok {
		return nil, fmt.Errorf("target %s: %w", target, web.ErrNoTarget)
	}
	return s.Backups[target], s.StorageErr
}

// Reload implements web.Service.
func (s *Service) Reload(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reloads++
	return s.ReloadErr
}

// Reloads is how often Reload was called.
func (s *Service) Reloads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reloads
}

// Appeared implements web.Service. Every object belongs to one target.
func (s *Service) Appeared(_ context.Context, bucket, key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.news = append(s.news, bucket+"/"+key)
	return 1
}

// News are the objects that Appeared was told of.
func (s *Service) News() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.news)
}

// Conditions implements web.Service.
func (s *Service) Conditions(context.Context) []web.Condition { return s.Wrong }

// Coverage implements web.Service.
func (s *Service) Coverage(context.Context) (web.Coverage, error) { return s.Lies, s.StorageErr }
