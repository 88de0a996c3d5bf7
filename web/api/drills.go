package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"lifeboat/history"
	"lifeboat/verify"
	"lifeboat/web/access"
)

type drillPath struct {
	ID string `path:"id" maxLength:"200" doc:"id of the drill"`
}

type listDrillsInput struct {
	Target  string   `query:"target" maxLength:"1024" doc:"name of the target; all where none is given"`
	State   []string `query:"state" enum:"running,finished,interrupted"`
	Verdict []string `query:"verdict" enum:"unknown,passed,warned,errored,failed"`
	Cursor  string   `query:"cursor" maxLength:"300" doc:"next of the page before"`
	Limit   int      `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

type listDrillsOutput struct {
	Body struct {
		Drills []Drill `json:"drills" nullable:"false" doc:"newest first"`
		Next   string  `json:"next,omitempty" doc:"cursor of the next page; none on the last"`
	}
}

type drillOutput struct{ Body Drill }

type reportOutput struct{ Body verify.Report }

type queueInput struct {
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"200"`
}

type queueOutput struct {
	Body struct {
		Running []Drill `json:"running" nullable:"false"`
		Waiting []Drill `json:"waiting" nullable:"false" doc:"in the order in which they are up"`
		Total   int     `json:"total" doc:"drills that wait in all"`
	}
}

func (a *API) drills() {
	tags := []string{"Drills"}
	register(a, history.View, huma.Operation{
		OperationID: "list-drills", Method: http.MethodGet, Path: "/drills", Tags: tags, Summary: "List drills",
		Description: "Drills that began, newest first.", Errors: []int{http.StatusBadRequest},
	}, a.listDrills)
	register(a, history.View, huma.Operation{
		OperationID: "get-drill", Method: http.MethodGet, Path: "/drills/{id}", Tags: tags, Summary: "Get a drill",
		Description: "One drill, whatever its state.", Errors: []int{http.StatusNotFound},
	}, a.getDrill)
	register(a, history.View, huma.Operation{
		OperationID: "get-report", Method: http.MethodGet, Path: "/drills/{id}/report", Tags: tags, Summary: "Get a report",
		Description: "The complete record of a drill that ended, in the form " + verify.Schema + ". An unambiguous beginning of the id is enough.",
		Errors:      []int{http.StatusNotFound, http.StatusConflict},
	}, a.getReport)
	register(a, history.Operate, huma.Operation{
		OperationID: "cancel-drill", Method: http.MethodPost, Path: "/drills/{id}/cancel", Tags: tags, Summary: "Cancel a drill",
		Description:   "Calls a drill off. One that waits is over at once, one that runs ends within seconds and discards its sandbox.",
		DefaultStatus: http.StatusAccepted, Errors: []int{http.StatusNotFound, http.StatusConflict},
	}, a.cancelDrill)
	register(a, history.View, huma.Operation{
		OperationID: "get-queue", Method: http.MethodGet, Path: "/queue", Tags: tags, Summary: "Look at the queue",
		Description: "What runs, what waits, and why.",
	}, a.getQueue)
}

func (a *API) listDrills(ctx context.Context, in *listDrillsInput) (*listDrillsOutput, error) {
	verdicts, err := parseVerdicts(in.Verdict)
	if err != nil {
		return nil, err
	}
	if err := checkCursor(in.Cursor); err != nil {
		return nil, err
	}
	f := history.Filter{Target: in.Target, Verdicts: verdicts, Before: in.Cursor, Limit: in.Limit + 1}
	for _, s := range in.State {
		f.States = append(f.States, history.State(s))
	}
	entries, err := a.Store.List(ctx, f)
	if err != nil {
		return nil, err
	}
	out := &listDrillsOutput{}
	if len(entries) > in.Limit {
		entries = entries[:in.Limit]
		out.Body.Next = entries[in.Limit-1].Cursor()
	}
	out.Body.Drills = drills(entries)
	return out, nil
}

// checkCursor refuses what is no place in a list.
func checkCursor(c string) error {
	if c == "" {
		return nil
	}
	nanos, id, ok := strings.Cut(c, ".")
	if _, err := strconv.ParseInt(nanos, 10, 64); !ok || err != nil || id == "" {
		return fmt.Errorf("%w: the cursor is none that Lifeboat made", errInput)
	}
	return nil
}

func (a *API) getDrill(ctx context.Context, in *drillPath) (*drillOutput, error) {
	e, err := a.Store.Entry(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &drillOutput{Body: drill(e)}, nil
}

func (a *API) getReport(ctx context.Context, in *drillPath) (*reportOutput, error) {
	r, err := a.Store.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &reportOutput{Body: r}, nil
}

func (a *API) cancelDrill(ctx context.Context, in *drillPath) (*drillOutput, error) {
	if err := a.Service.Cancel(ctx, in.ID, access.From(ctx).Name); err != nil {
		return nil, err
	}
	return a.getDrill(ctx, in)
}

func (a *API) getQueue(ctx context.Context, in *queueInput) (*queueOutput, error) {
	waiting, err := a.Store.Waiting(ctx, in.Limit)
	if err != nil {
		return nil, err
	}
	running, err := a.Store.List(ctx, history.Filter{States: []history.State{history.Running}, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	out := &queueOutput{}
	if out.Body.Total, err = a.Store.Count(ctx, history.Queued); err != nil {
		return nil, err
	}
	out.Body.Running, out.Body.Waiting = drills(running), drills(waiting)
	return out, nil
}
