package main

import (
	"context"
	"errors"

	"lifeboat/history"
	"lifeboat/jobs"
	"lifeboat/verify"
)

// Exit codes. They are public.
const (
	exitGood        = 0
	exitFailed      = 1
	exitErrored     = 2
	exitUsage       = 3
	exitInterrupted = 130
)

// exitHelp is the table of exit codes, in the help text and the README.
const exitHelp = `Exit codes:
  0    passed or warned
  1    a backup failed
  2    could not verify
  3    usage or configuration
  130  interrupted`

// exitError carries an exit code out of a command. Without err nothing more is
// printed: the command has said it all.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return "exit"
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// exitWith ends the command with code; nil means well.
func exitWith(code int) error {
	if code == exitGood {
		return nil
	}
	return &exitError{code: code}
}

// exitCode is the code for the reports of one run: a failed backup outranks one that
// could not be verified, and only a configuration mistake that left nothing else is
// one of usage.
func exitCode(reports []verify.Report) int {
	var failed, errored, config, interrupted bool
	for _, r := range reports {
		switch {
		case r.Verdict == verify.Failed:
			failed = true
		case has(r, verify.Interrupted):
			interrupted = true
		case has(r, verify.KeyMissing):
			config = true
		case !r.Verdict.Good():
			errored = true
		}
	}
	switch {
	case interrupted:
		return exitInterrupted
	case failed:
		return exitFailed
	case errored:
		return exitErrored
	case config:
		return exitUsage
	}
	return exitGood
}

func has(r verify.Report, code string) bool {
	for _, res := range r.Results {
		if res.Code == code {
			return true
		}
	}
	return false
}

// usage marks an error as a mistake of usage or configuration.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code: exitUsage, err: err}
}

// unable marks an error as one that left something unverified, unless it has a code
// of its own.
func unable(err error) error {
	var exit *exitError
	if err == nil || errors.As(err, &exit) {
		return err
	}
	return &exitError{code: exitErrored, err: err}
}

// interrupted reports whether a person stopped Lifeboat.
func interrupted(ctx context.Context) bool {
	return errors.Is(context.Cause(ctx), jobs.ErrInterrupted)
}

// stopped ends a command that was interrupted, saying what was not done.
func stopped(undone string) error {
	return &exitError{code: exitInterrupted, err: errors.New("interrupted" + undone)}
}

// statusCode is the exit code of a list of last drills. A target that was never
// drilled, or whose last drill was interrupted, is one that nothing is known of.
func statusCode(last []history.Entry, never int) int {
	code := exitGood
	if never > 0 {
		code = exitErrored
	}
	for _, e := range last {
		switch {
		case e.Verdict == verify.Failed:
			return exitFailed
		case !e.Verdict.Good():
			code = exitErrored
		}
	}
	return code
}
