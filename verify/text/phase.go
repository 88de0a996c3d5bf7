package text

import "lifeboat/verify"

var doing = map[string]string{
	verify.PhaseLocate:    "looking for the newest backup",
	verify.PhaseInspect:   "reading its head",
	verify.PhaseAdmit:     "making room",
	verify.PhaseStart:     "starting the sandbox",
	verify.PhaseBoot:      "starting the server",
	verify.PhaseFetch:     "fetching, opening, counting",
	verify.PhaseRestore:   "restoring",
	verify.PhaseCount:     "counting restored rows",
	verify.PhaseSoundness: "looking for damage",
	verify.PhaseCheck:     "checking",
	verify.PhaseDiscard:   "discarding the sandbox",
}

// Doing says in words what a drill does in a phase; the name itself where there are none.
func Doing(phase string) string {
	if words, known := doing[phase]; known {
		return words
	}
	return Clean(phase)
}
