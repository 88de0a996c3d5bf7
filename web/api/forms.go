package api

import (
	"slices"
	"strings"
	"time"

	"lifeboat/history"
	"lifeboat/verify"
	"lifeboat/web"
)

// The forms below are public. A field may be added, and none is changed or taken away.

// Drill is one line of the record.
type Drill struct {
	ID             string     `json:"id"`
	Target         string     `json:"target"`
	State          string     `json:"state" enum:"queued,running,finished,interrupted,cancelled"`
	Verdict        string     `json:"verdict" enum:"unknown,passed,warned,errored,failed" doc:"unknown until it ends"`
	Summary        string     `json:"summary,omitempty" doc:"its gravest result in one line"`
	Trigger        string     `json:"trigger" enum:"manual,schedule,catch-up,new-backup,retry,confirm,take-over"`
	Attempt        int        `json:"attempt" doc:"1 for the first, 2 for its first retry"`
	Follows        string     `json:"follows,omitempty" doc:"drill that this one retries, confirms or takes over"`
	By             string     `json:"by,omitempty" doc:"who asked for it"`
	Backup         *Backup    `json:"backup,omitempty" doc:"that it looked at, or was asked to"`
	Rows           int64      `json:"rows" doc:"restored in all"`
	RestoreSeconds float64    `json:"restore_seconds" doc:"0 when no restore ended"`
	Asked          *time.Time `json:"asked,omitempty"`
	ScheduledFor   *time.Time `json:"scheduled_for,omitempty"`
	NotBefore      *time.Time `json:"not_before,omitempty" doc:"it may begin from then on"`
	Started        *time.Time `json:"started,omitempty"`
	Finished       *time.Time `json:"finished,omitempty"`
	Waits          *Waits     `json:"waits,omitempty" doc:"of one that is queued"`
	CancelledBy    string     `json:"cancelled_by,omitempty" doc:"who called it off, or why it was"`
	Progress       *Progress  `json:"progress,omitempty" doc:"of one that runs"`
	Instance       string     `json:"instance,omitempty" doc:"Lifeboat that runs it"`
}

// Backup is what a drill looked at.
type Backup struct {
	Key    string     `json:"key"`
	SHA256 string     `json:"sha256,omitempty"`
	Bytes  int64      `json:"bytes,omitempty"`
	MadeAt *time.Time `json:"made_at,omitempty"`
}

// Waits says why a drill has not begun.
type Waits struct {
	Why   string     `json:"why"`
	Since *time.Time `json:"since,omitempty"`
}

// Progress tells how a running drill goes.
type Progress struct {
	Phases []Phase    `json:"phases" nullable:"false"`
	Notes  []Note     `json:"notes" nullable:"false" doc:"the last lines of its log"`
	At     *time.Time `json:"at,omitempty"`
}

// Phase is one part of a running drill.
type Phase struct {
	Name  string     `json:"name"`
	Began *time.Time `json:"began,omitempty"`
	Ended *time.Time `json:"ended,omitempty"`
	Done  int64      `json:"done" doc:"in unit"`
	Total int64      `json:"total" doc:"0 when it is not known"`
	Unit  string     `json:"unit,omitempty"`
}

// Note is a line of a running drill's log.
type Note struct {
	At   *time.Time `json:"at,omitempty"`
	Text string     `json:"text"`
}

// at is a time as it is written: none for the zero time.
func at(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func drill(e history.Entry) Drill {
	d := Drill{
		ID: e.ID, Target: e.Target, State: string(e.State), Verdict: e.Verdict.String(), Summary: e.Summary,
		Trigger: string(e.Trigger), Attempt: max(1, e.Attempt), Follows: e.Follows, By: e.By, Rows: e.Rows,
		RestoreSeconds: e.Restore.Seconds(), Asked: at(e.Asked), ScheduledFor: at(e.ScheduledFor), NotBefore: at(e.NotBefore),
		Started: at(e.Started), Finished: at(e.Finished), CancelledBy: e.CancelBy, Instance: e.Owner,
	}
	if e.Trigger == "" {
		d.Trigger = string(history.Manual) // recorded before triggers were
	}
	if key := e.Key; key != "" || e.Drill.Backup != "" {
		if key == "" {
			key = e.Drill.Backup
		}
		d.Backup = &Backup{Key: key, SHA256: e.SHA256, Bytes: e.Bytes, MadeAt: at(e.MadeAt)}
	}
	if e.State == history.Queued && e.Why != "" {
		d.Waits = &Waits{Why: e.Why, Since: at(e.WaitsSince)}
	}
	if e.State == history.Running {
		d.Progress = progress(e.Progress)
	}
	return d
}

func progress(p history.Progress) *Progress {
	out := &Progress{Phases: []Phase{}, Notes: []Note{}, At: at(p.At)}
	for _, ph := range p.Phases {
		out.Phases = append(out.Phases, Phase{
			Name: ph.Name, Began: at(ph.Began), Ended: at(ph.Ended), Done: ph.Done, Total: ph.Total, Unit: ph.Unit,
		})
	}
	for _, n := range p.Notes {
		out.Notes = append(out.Notes, Note{At: at(n.At), Text: n.Text})
	}
	return out
}

func drills(entries []history.Entry) []Drill {
	out := make([]Drill, 0, len(entries))
	for _, e := range entries {
		out = append(out, drill(e))
	}
	return out
}

// Target is one of the configuration in force, and how it stands.
type Target struct {
	Name       string     `json:"name"`
	Source     string     `json:"source,omitempty"`
	Match      string     `json:"match,omitempty"`
	Schedule   string     `json:"schedule,omitempty" doc:"none: drilled on request only"`
	Timezone   string     `json:"timezone,omitempty"`
	Objectives Objectives `json:"objectives"`
	Owners     []string   `json:"owners" nullable:"false" doc:"notifiers that are told of bad backups"`
	Operators  []string   `json:"operators" nullable:"false" doc:"notifiers that are told of what could not be verified"`
	Peculiar   []string   `json:"peculiar" nullable:"false" doc:"days on which the schedule meets a change of the clock; of one target only"`
	Config     string     `json:"config,omitempty" doc:"its part of the configuration as YAML, without secrets; of one target only"`
	Standing   Standing   `json:"standing"`
}

// Objectives are what a target has to meet; 0 where none is set.
type Objectives struct {
	RPO         float64 `json:"rpo_seconds" doc:"the newest backup is to be younger"`
	RTO         float64 `json:"rto_seconds" doc:"a restore is to be faster"`
	MaxAgeProof float64 `json:"max_age_proof_seconds" doc:"the last proof is to be younger"`
}

// Standing is how a target stands.
type Standing struct {
	Verdict        string     `json:"verdict" enum:"unknown,passed,warned,errored,failed" doc:"of the last drill; unknown: there is none"`
	VerdictAt      *time.Time `json:"verdict_at,omitempty" doc:"end of the last drill that could tell"`
	Since          *time.Time `json:"since,omitempty" doc:"first configured"`
	Next           *time.Time `json:"next,omitempty" doc:"next occurrence of its schedule"`
	Last           *Drill     `json:"last,omitempty" doc:"newest drill that ended and speaks for the target: not one of an older backup that was named, nor a second look, or another at a bad backup by its name, that did not fail too"`
	LastGood       *Proof     `json:"last_good,omitempty" doc:"last time a backup of it was proven good"`
	NewestBackup   string     `json:"newest_backup,omitempty" doc:"that a drill saw"`
	NewestBackupAt *time.Time `json:"newest_backup_at,omitempty"`
	Running        string     `json:"running,omitempty" doc:"id of the drill that runs"`
	Queued         int        `json:"queued" doc:"drills that wait"`
	Problems       []Trouble  `json:"problems" nullable:"false" doc:"that people were told of, one by one or once for many targets, and that are not over"`
}

// Proof is a backup that was proven good.
type Proof struct {
	Drill  string     `json:"drill"`
	Key    string     `json:"key"`
	MadeAt *time.Time `json:"made_at,omitempty"`
	At     *time.Time `json:"at,omitempty" doc:"end of the drill"`
}

// Trouble is an open problem.
type Trouble struct {
	ID      string     `json:"id"`
	Kind    string     `json:"kind" enum:"backup,unverified,overdue,service"`
	Since   *time.Time `json:"since,omitempty"`
	Verdict string     `json:"verdict" enum:"unknown,passed,warned,errored,failed"`
	Code    string     `json:"code,omitempty"`
	Subject string     `json:"subject,omitempty"`
}

// target joins a target of the configuration with its standing. Each may be missing.
func target(t web.Target, s history.Standing) Target {
	out := Target{
		Name: s.Target, Source: t.Source, Match: t.Match, Schedule: t.Schedule, Timezone: t.Timezone,
		Objectives: Objectives{RPO: t.RPO.Seconds(), RTO: t.RTO.Seconds(), MaxAgeProof: t.MaxAgeProof.Seconds()},
		Owners:     list(t.Owners), Operators: list(t.Operators), Peculiar: list(t.Peculiar),
		Standing: Standing{
			Verdict: s.Last.Verdict.String(), VerdictAt: at(s.VerdictAt), Since: at(s.Since), Next: at(s.Next),
			NewestBackup: s.NewestBackup, NewestBackupAt: at(s.NewestBackupAt), Running: s.Running, Queued: s.Queued,
			Problems: []Trouble{},
		},
	}
	if out.Name == "" {
		out.Name = t.Name
	}
	if s.Last.ID != "" {
		d := drill(s.Last)
		out.Standing.Last = &d
	}
	if g := s.LastGood; g != nil {
		out.Standing.LastGood = &Proof{Drill: g.Drill, Key: g.Key, MadeAt: at(g.MadeAt), At: at(g.At)}
	}
	for kind, p := range s.Alerts.Problems {
		out.Standing.Problems = append(out.Standing.Problems, Trouble{
			ID: p.ID, Kind: string(kind), Since: at(p.Since), Verdict: p.Verdict.String(), Code: p.Code, Subject: p.Subject,
		})
	}
	slices.SortFunc(out.Standing.Problems, func(a, b Trouble) int { return strings.Compare(a.Kind, b.Kind) })
	return out
}

// list is never null.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

// Artifact is a backup in a target's source.
type Artifact struct {
	Key    string     `json:"key"`
	MadeAt *time.Time `json:"made_at,omitempty"`
	Bytes  int64      `json:"bytes"`
	Reason string     `json:"reason,omitempty" doc:"why it is not drilled, such as unfinished"`
}

func artifacts(candidates []verify.Candidate) []Artifact {
	out := make([]Artifact, 0, len(candidates))
	for _, c := range candidates {
		out = append(out, Artifact{Key: c.Key, MadeAt: at(c.MadeAt), Bytes: c.Bytes, Reason: c.Reason})
	}
	return out
}
