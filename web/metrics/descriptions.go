package metrics

import "github.com/prometheus/client_golang/prometheus"

// descriptions are all metrics of the record. Their names and labels are public.
var descriptions []*prometheus.Desc

func desc(name, help string, labels ...string) *prometheus.Desc {
	d := prometheus.NewDesc("lifeboat_"+name, help, labels, nil)
	descriptions = append(descriptions, d)
	return d
}

var (
	targetVerdict = desc("target_verdict", "Verdict of the last drill of a target: 1 for the one it has, 0 for others; unknown was never drilled.", "target", "verdict")
	lastDrill     = desc("target_last_drill_timestamp_seconds", "End of the last drill of a target.", "target")
	lastVerdict   = desc("target_last_verdict_timestamp_seconds", "End of the last drill of a target that could tell.", "target")
	lastProof     = desc("target_last_proof_timestamp_seconds", "End of the last drill that proved a backup of a target good.", "target")
	newestBackup  = desc("target_newest_backup_timestamp_seconds", "When the newest backup of a target was made.", "target")
	since         = desc("target_since_timestamp_seconds", "When a target was first configured.", "target")
	next          = desc("target_next_drill_timestamp_seconds", "Next occurrence of the schedule of a target.", "target")
	rpo           = desc("target_rpo_objective_seconds", "Age that the newest backup of a target may have.", "target")
	rto           = desc("target_rto_objective_seconds", "Time that a restore of a target may take.", "target")
	maxAgeProof   = desc("target_proof_max_age_objective_seconds", "Age that the last proof of a target may have.", "target")
	lastRestore   = desc("target_last_restore_duration_seconds", "Time that the last restore of a target took, from its first byte.", "target")
	lastRows      = desc("target_last_restored_rows", "Rows that the last drill of a target restored.", "target")
	lastBytes     = desc("target_last_backup_size_bytes", "Size of the backup in the last drill of a target.", "target")
	problemSince  = desc("target_problem_since_timestamp_seconds", "Since when a target has a problem that people were told of; absent when there is none.", "target", "kind")

	targets  = desc("targets", "Targets by the verdict of their last drill; unknown were never drilled.", "verdict")
	problems = desc("targets_with_problem", "Targets with an open problem.")

	running    = desc("drills_running", "Drills that run now, in all processes that share the database.")
	queued     = desc("drills_queued", "Drills that wait: for room in a sandbox host, for another drill of the same target, for their time, or for a worker.", "reason")
	oldestWait = desc("drills_oldest_wait_seconds", "How long the drill that waits longest has waited.", "reason")

	sandboxes      = desc("sandboxes", "Sandboxes that exist now, by runner.", "runner")
	sandboxesKnown = desc("sandboxes_counted", "Whether the runners could say which sandboxes exist: 1 or 0.")

	deliveries    = desc("alert_deliveries", "Alerts on record by notifier and by how far they are; without a notifier: suppressed.", "notifier", "state")
	oldestPending = desc("alert_oldest_pending_timestamp_seconds", "When the oldest alert that has not arrived was made.", "notifier")

	lastTick  = desc("scheduler_last_tick_timestamp_seconds", "When schedules were last looked at.")
	condition = desc("condition", "What is wrong with Lifeboat itself: 1, absent when it is not. Fatal ones keep it from its work.", "code", "fatal")
	recordUp  = desc("database_up", "Whether the database answered when these metrics were asked for: 1 or 0.")
)
