package notifytest

import (
	"strings"
	"time"

	"lifeboat/notify"
	"lifeboat/verify"
)

// Sample is an alert as the policy makes it, under the name of its golden files.
type Sample struct {
	Name  string
	Alert notify.Alert
}

// noon of the day on which the samples happen.
var noon = time.Date(2026, 6, 2, 12, 0, 0, 0, time.UTC)

// Samples are alerts of every kind and reason. They come out of the policy, so that
// golden files show what people really get.
func Samples() []Sample {
	policy := notify.Policy{Repeat: 24 * time.Hour, UnverifiedAfter: 1, URL: "https://lifeboat.example"}
	var state notify.State
	var samples []Sample
	take := func(e notify.Event) {
		e.Target = "orders"
		e.LastGood = &notify.Proof{Drill: "01jx5n3c8k", Key: "postgres/orders/orders-20260601T085000Z.dump.zst.age",
			MadeAt: noon.Add(-27*time.Hour - 10*time.Minute), At: noon.Add(-24 * time.Hour)}
		next, decisions := notify.Decide(state, e, policy)
		state = next
		for _, d := range decisions {
			if d.Suppressed == "" {
				name := string(d.Alert.Kind) + "-" + string(d.Alert.Reason)
				samples = append(samples, Sample{name, d.Alert})
			}
		}
	}
	at := func(hours float64) time.Time { return noon.Add(time.Duration(hours * float64(time.Hour))) }
	bad := func(hours float64, results ...verify.Result) notify.Event {
		return notify.Event{At: at(hours), Report: sampleReport(verify.Failed, at(hours), results...)}
	}
	good := notify.Event{Report: sampleReport(verify.Passed, at(30))}
	confirm := bad(0.2, missing("public.orders"))
	confirm.Confirms = true
	contradict := good
	contradict.Confirms, contradict.At = true, at(28)

	take(bad(0, missing("public.orders")))
	take(confirm)
	take(bad(1, missing("public.orders"), missing("public.users")))
	take(bad(2, verify.Result{Check: "artifact", Verdict: verify.Failed, Code: verify.ArchiveTruncated, Subject: "zstd",
		Detail: "The compressed stream ends in the middle of a block.", Hint: "Look at the upload of the backup job: it stopped before its end."}))
	take(bad(26, missing("public.orders")))
	take(contradict)
	good.At = at(30)
	take(good)

	silent := verify.Result{Check: "drill", Verdict: verify.Errored, Code: verify.StorageUnreachable, Subject: "offsite",
		Detail: "The storage could not be asked.", Hint: "Check the endpoint and the network between."}
	mute := func(hours float64, why string, r verify.Result) notify.Event {
		rep := sampleReport(verify.Errored, at(hours), r)
		rep.Artifact, rep.Error = nil, why
		return notify.Event{At: at(hours), Report: rep}
	}
	full := verify.Result{Check: "drill", Verdict: verify.Errored, Code: verify.OutOfRoom, Subject: "docker",
		Detail: "The sandbox host has no room for this backup.", Hint: "Give the host more disk, or lower what the target asks for."}
	const noAnswer, noRoom = "list postgres/orders/: storage did not answer: connection refused (tried 5 times in 30.0s)",
		"needs 40 GiB of disk, the host has 12 GiB"
	take(mute(40, noAnswer, silent))
	take(mute(41, noRoom, full))
	take(mute(66, noRoom, full))
	good.At, good.Report = at(67), sampleReport(verify.Passed, at(67))
	take(good)
	take(notify.Event{At: at(104), VerdictDue: at(103), DueWhy: "1.5 times its interval of 24 h"})
	take(notify.Event{At: at(129), VerdictDue: at(103), DueWhy: "1.5 times its interval of 24 h"})
	good.At, good.Report = at(130), sampleReport(verify.Passed, at(130))
	take(good)

	return append(samples, notices(samples[0].Alert)...)
}

// notices are the alerts that follow from no drill.
func notices(lost notify.Alert) []Sample {
	week := notify.Summary{From: noon.AddDate(0, 0, -7), To: noon, Drills: 94, Proven: []string{"customers", "invoices"},
		Unproven:  []notify.Claim{{Target: "orders", Verdict: verify.Failed, Why: "rows_missing public.orders: 10 rows, expected 2,000,000 rows"}},
		Uncovered: []string{"offsite: postgres/legacy/"}}
	return []Sample{
		Sample{"service-undeliverable", notify.NewUndeliverable(lost, "ops", "refused: channel_not_found", noon)},
		Sample{"digest", notify.NewDigest(week, noon)},
		Sample{"test", notify.NewTest("ops", noon)},
	}
}

func missing(table string) verify.Result {
	return verify.Result{Check: "census", Verdict: verify.Failed, Code: verify.RowsMissing, Subject: table,
		Observed: "10 rows", Expected: "2,000,000 rows",
		Detail: "The restored table lacks 1,999,990 rows that the dump has for it.", Hint: "See the restore errors for this table."}
}

func sampleReport(v verify.Verdict, at time.Time, results ...verify.Result) *verify.Report {
	return &verify.Report{Schema: verify.Schema, Drill: "01jx8f7q2m", Target: "orders", Verdict: v,
		Artifact: &verify.Artifact{Source: "offsite", Key: "postgres/orders/orders-20260602T085000Z.dump.zst.age", Kind: "object", Objects: 1,
			Bytes: 1_288_490_188, SHA256: strings.Repeat("4f", 32), MadeAt: noon.Add(-3*time.Hour - 10*time.Minute), MadeAtFrom: "its name"},
		Results: results, Phases: []verify.Phase{}, NotChecked: []string{}, Started: at.Add(-time.Minute), Finished: at}
}

// Hostile is an alert whose every text tries to do what a text must not: call people,
// break out of its format, add headers, move a cursor, or be endless.
func Hostile() notify.Alert {
	const nasty = "<!channel> <@U0HOSTILE> @here </pre><script>alert(1)</script> *_~`& \r\nBcc: all@example.com\r\n\r\n\x1b[2J\u202e {{.}} %s \xff"
	long := nasty + strings.Repeat("ünendlich ", 2000)
	a := Samples()[0].Alert
	a.Target, a.Title, a.Subject = "orders"+nasty, "Bad: "+nasty, nasty
	a.Observed, a.Expected, a.Detail, a.Hint = nasty, long, long, nasty
	backup, proof := *a.Backup, *a.LastGood
	backup.Key, backup.Source, proof.Key = nasty, nasty, long
	a.Backup, a.LastGood, a.Report = &backup, &proof, nil
	return a
}
