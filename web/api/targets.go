package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"lifeboat/history"
	"lifeboat/verify"
	"lifeboat/web"
	"lifeboat/web/access"
)

type targetPath struct {
	Name string `path:"name" maxLength:"1024" doc:"name of the target" example:"orders"`
}

type listTargetsInput struct {
	Search  string   `query:"search" maxLength:"200" doc:"part of the name"`
	Verdict []string `query:"verdict" enum:"unknown,passed,warned,errored,failed" doc:"of the last drill"`
	Offset  int      `query:"offset" minimum:"0" maximum:"10000000" default:"0"`
	Limit   int      `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type listTargetsOutput struct {
	Body struct {
		Targets []Target       `json:"targets" nullable:"false" doc:"those that need a person first"`
		Total   int            `json:"total" doc:"that the query chooses"`
		Counts  map[string]int `json:"counts" doc:"of all targets, by the verdict of their last drill"`
		Open    int            `json:"open" doc:"targets with an open problem"`
	}
}

type targetOutput struct{ Body Target }

type artifactsOutput struct {
	Body struct {
		Artifacts []Artifact `json:"artifacts" nullable:"false" doc:"newest first"`
	}
}

type startInput struct {
	Name string `path:"name" maxLength:"1024" doc:"name of the target" example:"orders"`
	Body *struct {
		Backup string `json:"backup,omitempty" maxLength:"4096" doc:"key of the backup to drill; the newest where none is given"`
	} `required:"false"`
}

type startOutput struct {
	Location string `header:"Location" doc:"of the drill"`
	Body     struct {
		Fresh bool  `json:"fresh" doc:"false where the same drill waits already"`
		Drill Drill `json:"drill"`
	}
}

func (a *API) targets() {
	tags := []string{"Targets"}
	register(a, history.View, huma.Operation{
		OperationID: "list-targets", Method: http.MethodGet, Path: "/targets", Tags: tags, Summary: "List targets",
		Description: "All targets of the configuration and how they stand, those that need a person first.",
	}, a.listTargets)
	register(a, history.View, huma.Operation{
		OperationID: "get-target", Method: http.MethodGet, Path: "/targets/{name}", Tags: tags, Summary: "Get a target",
		Description: "One target, its part of the configuration in force, and how it stands.",
		Errors:      []int{http.StatusNotFound},
	}, a.getTarget)
	register(a, history.View, huma.Operation{
		OperationID: "list-artifacts", Method: http.MethodGet, Path: "/targets/{name}/artifacts", Tags: tags, Summary: "List a target's backups",
		Description: "The backups the target has in its source, newest first. This asks the storage.",
		Errors:      []int{http.StatusNotFound, http.StatusBadGateway},
	}, a.listArtifacts)
	register(a, history.Operate, huma.Operation{
		OperationID: "start-drill", Method: http.MethodPost, Path: "/targets/{name}/drills", Tags: tags, Summary: "Start a drill",
		Description:   "Puts a drill into the queue, before all scheduled ones. Where the same drill waits already, that one is returned.",
		DefaultStatus: http.StatusAccepted, MaxBodyBytes: 16 << 10,
		Errors: []int{http.StatusBadRequest, http.StatusNotFound, http.StatusRequestEntityTooLarge},
	}, a.startDrill)
}

func (a *API) listTargets(ctx context.Context, in *listTargetsInput) (*listTargetsOutput, error) {
	verdicts, err := parseVerdicts(in.Verdict)
	if err != nil {
		return nil, err
	}
	fleet, err := a.Store.Fleet(ctx, history.FleetQuery{Search: in.Search, Verdicts: verdicts, Offset: in.Offset, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	out := &listTargetsOutput{}
	out.Body.Targets = make([]Target, 0, len(fleet.Standings))
	out.Body.Counts = make(map[string]int)
	targets := a.Service.Targets()
	for _, s := range fleet.Standings {
		t, _ := web.Find(targets, s.Target)
		out.Body.Targets = append(out.Body.Targets, target(t, s))
	}
	for v, n := range fleet.Verdicts {
		out.Body.Counts[v.String()] = n
	}
	out.Body.Total, out.Body.Open = fleet.Total, fleet.Open
	return out, nil
}

func (a *API) getTarget(ctx context.Context, in *targetPath) (*targetOutput, error) {
	t, ok := a.Service.Target(in.Name)
	if !ok {
		return nil, web.ErrNoTarget
	}
	s, err := a.Store.Standing(ctx, in.Name)
	if err != nil && !errors.Is(err, history.ErrNotFound) {
		return nil, err
	}
	out := &targetOutput{Body: target(t, s)}
	out.Body.Config = t.Config
	return out, nil
}

func (a *API) listArtifacts(ctx context.Context, in *targetPath) (*artifactsOutput, error) {
	found, err := a.Service.Artifacts(ctx, in.Name)
	if errors.Is(err, web.ErrNoTarget) {
		return nil, err
	}
	if err != nil {
		a.Log.WarnContext(ctx, "backups not listed", slog.String("target", in.Name), slog.Any("error", err))
		return nil, fail(http.StatusBadGateway, "The target's source could not be listed. Lifeboat's log says why.", "Run lifeboat doctor.")
	}
	out := &artifactsOutput{}
	out.Body.Artifacts = artifacts(found)
	return out, nil
}

func (a *API) startDrill(ctx context.Context, in *startInput) (*startOutput, error) {
	ask := web.Ask{Target: in.Name, By: access.From(ctx).Name}
	if in.Body != nil {
		ask.Backup = in.Body.Backup
	}
	id, fresh, err := a.Service.Drill(ctx, ask)
	if err != nil {
		return nil, err
	}
	e, err := a.Store.Entry(ctx, id)
	if err != nil {
		return nil, err
	}
	out := &startOutput{Location: Prefix + "/drills/" + id}
	out.Body.Fresh, out.Body.Drill = fresh, drill(e)
	return out, nil
}

// parseVerdicts reads the words of a filter.
func parseVerdicts(words []string) ([]verify.Verdict, error) {
	var out []verify.Verdict
	for _, w := range words {
		var v verify.Verdict
		if err := v.UnmarshalText([]byte(w)); err != nil {
			return nil, errInput
		}
		out = append(out, v)
	}
	return out, nil
}
