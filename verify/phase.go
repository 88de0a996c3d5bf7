package verify

// Phases of a drill by their names in reports, in the order in which they begin. Boot
// and fetch overlap, and so do count and soundness.
const (
	PhaseLocate    = "locate"
	PhaseInspect   = "inspect"
	PhaseAdmit     = "admit"
	PhaseStart     = "start"
	PhaseBoot      = "boot"
	PhaseFetch     = "fetch"
	PhaseRestore   = "restore"
	PhaseCount     = "count"
	PhaseSoundness = "soundness"
	PhaseCheck     = "check"
	PhaseDiscard   = "discard"
)

// Phases are all of them.
var Phases = []string{
	PhaseLocate, PhaseInspect, PhaseAdmit, PhaseStart, PhaseBoot, PhaseFetch, PhaseRestore, PhaseCount, PhaseSoundness,
	PhaseCheck, PhaseDiscard,
}
