package docker

import (
	"strconv"
	"time"

	"lifeboat/sandbox"
)

// Labels every container and volume of a sandbox carries, so that it can be found
// by a Lifeboat that did not start it.
const (
	labelInstallation = "lifeboat.installation"
	labelInstance     = "lifeboat.instance"
	labelDrill        = "lifeboat.drill"
	labelTarget       = "lifeboat.target"
	labelDeadline     = "lifeboat.deadline" // Unix seconds
	labelKeep         = "lifeboat.keep"
)

func labels(s sandbox.Spec) map[string]string {
	return map[string]string{
		labelInstallation: s.Owner.Installation,
		labelInstance:     s.Owner.Instance,
		labelDrill:        s.Owner.Drill,
		labelTarget:       s.Owner.Target,
		labelDeadline:     strconv.FormatInt(s.Deadline.Unix(), 10),
		labelKeep:         strconv.FormatBool(s.Keep),
	}
}

// abandoned reports whether what carries the labels is to be removed. Labels of
// ours that cannot be read count as a deadline long past.
func abandoned(l map[string]string, q sandbox.SweepQuery) bool {
	deadline, err := strconv.ParseInt(l[labelDeadline], 10, 64)
	if err != nil || time.Unix(deadline, 0).Before(q.Now) {
		return true
	}
	kept := l[labelKeep] == "true"
	return !kept && q.Alive != nil && !q.Alive(l[labelInstance])
}
