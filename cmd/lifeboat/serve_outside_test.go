package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/internal/testkit"
	"lifeboat/internal/testkit/s3server"
)

// TestTheStorageTellsOfANewBackup has a real S3 server send its bucket notifications to a
// service that would not look by itself for a day.
func TestTheStorageTellsOfANewBackup(t *testing.T) {
	t.Parallel()
	config := writeService(t, overFolder(t.TempDir(), "waits: {source: s, match: none}"), "")
	s := serve(t, config, nil)
	storage := s3server.Start(t, "VGW_EVENT_WEBHOOK_URL="+s.url+"/api/v1/notifications/s3")
	bucket := storage.Bucket(t)
	storage.Put(t, bucket, "notes/notes-1.sql", notes(1))
	rewriteService(t, config, "sources:\n  offsite:\n    kind: s3\n"+indent(s3Source(storage, bucket))+
		"targets:\n  t: {source: offsite, match: \"notes/notes-*.sql\", schedule: on-new-backup, poll: 24h}\n", "")
	if res, body := s.do(t, http.MethodPost, "/api/v1/reload", ""); res.StatusCode != http.StatusOK {
		t.Fatalf("reload: %s\n%s", res.Status, body)
	}
	drilled := func(key string) func() bool {
		return func() bool {
			list := s.list(t, "target=t&verdict=passed")
			return len(list) > 0 && list[0].Trigger == "new-backup" && list[0].Backup.Key == key
		}
	}
	s.eventually(t, "the backup that is there is found at the first look", drilled("notes/notes-1.sql"))
	storage.Put(t, bucket, "notes/notes-2.sql", notes(2))
	s.eventually(t, "the news of another has it drilled", drilled("notes/notes-2.sql"))
	storage.Put(t, bucket, "elsewhere/notes-3.sql", notes(3))
	storage.Put(t, bucket, "notes/notes-4 + ü.sql", notes(4))
	s.eventually(t, "so has one with an odd name", drilled("notes/notes-4 + ü.sql"))
	if list := s.list(t, "target=t"); len(list) != 3 {
		t.Errorf("%d drills, want one for each backup: %+v", len(list), list)
	}
}

// prometheus starts a real Prometheus that scrapes a service by the rules in deploy, and
// returns its address.
func prometheus(t testing.TB, s *site, token string) string {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	testkit.Need(t, "prometheus (package prometheus)", err == nil)
	rules, err := filepath.Abs("../../deploy/prometheus/lifeboat.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	dir := testkit.Folder(t, map[string]string{"token": token, "prometheus.yml": fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs:
  - job_name: lifeboat
    authorization: {credentials_file: token}
    static_configs: [{targets: [%q]}]
`, rules, strings.TrimPrefix(s.url, "http://"))})
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	words := newOutput()
	cmd.Stdout, cmd.Stderr = words, words
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // killed
		if t.Failed() {
			t.Logf("Prometheus said:\n%s", words)
		}
	})
	return "http://" + address
}

// answer asks Prometheus; what is false as long as it does not answer.
func answer(t testing.TB, address string, out any) bool {
	t.Helper()
	res, err := http.Get(address)
	if err != nil {
		return false // it is not up yet
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return false
	}
	if err := json.Unmarshal(body, out); err != nil {
		t.Fatalf("%s: %v\n%s", address, err, body)
	}
	return true
}

// TestARealPrometheusAlertsOfABadBackup scrapes with a token, as docs/metrics.md says, and
// evaluates the rules that come with Lifeboat.
func TestARealPrometheusAlertsOfABadBackup(t *testing.T) {
	t.Parallel()
	dir := backups{"page.sql": []byte(errorPage), "good.sql": notes(7)}.write(t)
	config := writeService(t, overFolder(dir, "bad: {source: s, match: page.sql}",
		"good: {source: s, match: good.sql, objectives: {rpo: 1h, rto: 1m, max_age_proof: 1d}}"), "access: tokens\n")
	s := serve(t, config, nil)
	s.token = newToken(t, config, "anna", "operate")
	s.drill(t, "good")
	if d := s.drill(t, "bad"); d.Verdict != "failed" {
		t.Fatalf("drill of an error page: %+v", d)
	}
	at := prometheus(t, &s.site, newToken(t, config, "prometheus", "view"))

	var scraped struct {
		Data struct {
			ActiveTargets []struct{ Health, LastError string } `json:"activeTargets"`
		}
	}
	s.eventually(t, "Prometheus scrapes the service", func() bool {
		return answer(t, at+"/api/v1/targets", &scraped) && len(scraped.Data.ActiveTargets) == 1 && scraped.Data.ActiveTargets[0].Health == "up"
	})
	for _, query := range []string{
		`lifeboat_target_verdict{target="bad",verdict="failed"} == 1`, `lifeboat_target_last_restored_rows{target="good"} == 7`,
		`lifeboat_target_rto_objective_seconds{target="good"} == 60`, `time() - lifeboat_target_last_proof_timestamp_seconds{target="good"} < 600`,
		`time() - lifeboat_scheduler_last_tick_timestamp_seconds < 60`, `sum(lifeboat_drills_total{verdict="failed"}) >= 1`, `lifeboat_build_info == 1`,
		`histogram_quantile(0.9, sum by (le, phase) (lifeboat_drill_phase_duration_seconds_bucket{phase="restore"})) > 0`, `lifeboat_database_up == 1`,
	} {
		s.eventually(t, query, func() bool {
			var found struct{ Data struct{ Result []any } }
			return answer(t, at+"/api/v1/query?query="+url.QueryEscape(query), &found) && len(found.Data.Result) > 0
		})
	}
	type rule struct{ Name, Health, State, LastError string }
	var rules struct {
		Data struct{ Groups []struct{ Rules []rule } }
	}
	s.eventually(t, "LifeboatBackupBad fires, and no other rule", func() bool {
		if !answer(t, at+"/api/v1/rules", &rules) {
			return false
		}
		for _, g := range rules.Data.Groups {
			for _, r := range g.Rules {
				want := "inactive"
				if r.Name == "LifeboatBackupBad" {
					want = "firing"
				}
				if r.Health == "err" {
					t.Fatalf("rule %s: %s", r.Name, r.LastError)
				}
				if r.Health != "ok" || r.State != want {
					return false
				}
			}
		}
		return len(rules.Data.Groups) > 1
	})
}
