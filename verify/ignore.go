package verify

import "slices"

// ApplyIgnores returns results with those accepted by a rule turned into Passed.
// An accepted result keeps its code and evidence and carries the rule's reason, so
// that a report shows what was ignored. A rule without a reason accepts nothing, and
// an errored result cannot be accepted: what nobody knows cannot be agreed to.
func ApplyIgnores(results []Result, rules []Ignore) []Result {
	out := slices.Clone(results)
	for i := range out {
		if out[i].Verdict != Warned && out[i].Verdict != Failed {
			continue
		}
		if n := slices.IndexFunc(rules, func(r Ignore) bool { return r.accepts(out[i]) }); n >= 0 {
			out[i].Verdict, out[i].Ignored = Passed, rules[n].Reason
		}
	}
	return out
}

func (i Ignore) accepts(r Result) bool {
	return i.Reason != "" && i.Code == r.Code && (i.Subject == "" || glob(i.Subject, r.Subject))
}

// glob matches s against a pattern in which * stands for any text, dots and slashes
// included, and ? for one character. Subjects are names of tables and keys, for
// which path.Match would stop at every slash.
func glob(pattern, s string) bool {
	p, text := []rune(pattern), []rune(s)
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(text) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == text[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}
