package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"lifeboat/history"
	"lifeboat/web/live"
)

type eventsInput struct {
	Target      string `query:"target" maxLength:"1024" doc:"only drills of this target"`
	Drill       string `query:"drill" maxLength:"200" doc:"only this drill, by its whole id"`
	LastEventID string `header:"Last-Event-ID" maxLength:"100" doc:"accepted and not needed: a stream begins with how things stand"`
}

// Snapshot is the data of the first event of a stream.
type Snapshot struct {
	Drills []Drill `json:"drills"`
}

func (a *API) events() {
	stream := &huma.Response{
		Description: "A stream of server-sent events. The first is `snapshot` with all drills that run or wait; then a `drill` for each " +
			"change, the last of a drill with its verdict. Lines that begin with a colon keep the connection open.",
		Content: map[string]*huma.MediaType{"text/event-stream": {
			Schema:  &huma.Schema{Type: huma.TypeString},
			Example: "id: 1\nevent: snapshot\ndata: {\"drills\":[]}\n\n",
		}},
	}
	register(a, history.View, huma.Operation{
		OperationID: "follow-drills", Method: http.MethodGet, Path: "/events", Tags: []string{"Drills"}, Summary: "Follow drills",
		Description: "Tells how drills go while they run, as server-sent events.",
		Responses:   map[string]*huma.Response{"200": stream},
	}, func(_ context.Context, in *eventsInput) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			r, w := humago.Unwrap(ctx)
			// An error means that whoever listened went away or does not read.
			_ = live.Serve(w, r, a.Hub, live.Filter{Target: in.Target, Drill: in.Drill}, render)
		}}, nil
	})
}

// render writes an event in the API's forms.
func render(e live.Event) ([]live.Message, error) {
	if e.Snapshot {
		data, err := json.Marshal(Snapshot{Drills: drills(e.Entries)})
		return []live.Message{{Event: "snapshot", Data: data}}, err
	}
	var messages []live.Message
	for _, entry := range e.Entries {
		data, err := json.Marshal(drill(entry))
		if err != nil {
			return nil, err
		}
		messages = append(messages, live.Message{Event: "drill", Data: data})
	}
	return messages, nil
}
