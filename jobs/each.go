package jobs

import (
	"errors"
	"sync"
)

// Each calls do for every job, at most limit at a time, in their order. It waits for
// all and joins their errors: one drill that fails stops no other.
func Each(limit int, batch []Job, do func(i int, j Job) error) error {
	errs := make([]error, len(batch))
	slots := make(chan struct{}, max(1, limit))
	var wg sync.WaitGroup
	for i, j := range batch {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = do(i, j)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
