package configs

import (
	"errors"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"lifeboat/internal/units"
)

// minEvery is the shortest interval of @every: a drill takes longer than that.
const minEvery = time.Minute

// checkSchedule guards the cron parser, which panics on a bare time zone, takes
// intervals of nothing for a second, and accepts dates that never come.
func checkSchedule(s string) (err error) {
	if s == OnNewBackup {
		return nil
	}
	if strings.Contains(s, "TZ=") {
		return errors.New("the time zone stands in timezone")
	}
	if every, ok := strings.CutPrefix(s, "@every "); ok {
		d, err := time.ParseDuration(every)
		if err != nil {
			return errUnlike
		}
		if d < minEvery {
			return errors.New("the shortest interval is " + units.Duration(minEvery))
		}
	}
	defer func() {
		if recover() != nil {
			err = errUnlike
		}
	}()
	plan, err := cron.ParseStandard(s)
	if err != nil {
		return err
	}
	// A leap year begins here: the parser looks five years ahead.
	if plan.Next(time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return errors.New("that day never comes")
	}
	return nil
}
