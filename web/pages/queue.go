package pages

import (
	"errors"
	"net/http"

	"lifeboat/history"
	"lifeboat/web"
	"lifeboat/web/access"
)

const waitingMax = 200 // waiting drills shown

type queueData struct {
	shell
	Queue queuePart
}

// queuePart is what moves on the page of the queue.
type queuePart struct {
	Running runningPart
	Waiting []waitingRow
	All     int // that wait
	shell
}

type waitingRow struct {
	history.Entry
	Trigger   string
	Asked     stamp
	Since     stamp
	NotBefore stamp
	Place     int
}

func (p *Pages) queue(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := within(r)
	defer cancel()
	d := queueData{shell: p.shell(ctx, "Queue", "/queue")}
	d.Live = "/live/queue"
	running, err := p.running(ctx, d.shell)
	if err != nil {
		return err
	}
	waiting, err := p.Store.Waiting(ctx, waitingMax)
	if err != nil {
		return err
	}
	all := len(waiting)
	if all == waitingMax {
		if all, err = p.Store.Count(ctx, history.Queued); err != nil {
			return err
		}
	}
	d.Queue = d.queuePart(running, waiting, all)
	return p.show(w, "queue", http.StatusOK, d)
}

func (s shell) queuePart(running runningPart, waiting []history.Entry, all int) queuePart {
	part := queuePart{shell: s, Running: running, All: all}
	for i, e := range waiting[:min(len(waiting), waitingMax)] {
		row := waitingRow{Entry: e, Trigger: why(e.Drill), Asked: s.At(e.Asked), Since: s.At(e.WaitsSince), Place: i + 1}
		if e.NotBefore.After(s.now) {
			row.NotBefore = s.At(e.NotBefore)
		}
		if row.Since == (stamp{}) {
			row.Since = row.Asked
		}
		part.Waiting = append(part.Waiting, row)
	}
	return part
}

// form reads what an operator sent; who that is comes back.
func form(w http.ResponseWriter, r *http.Request) (access.Caller, error) {
	c, err := operator(r)
	if err != nil {
		return c, err
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return c, &problem{http.StatusBadRequest, "The form could not be read."}
	}
	return c, nil
}

// startDrill takes the form of Drill now.
func (p *Pages) startDrill(w http.ResponseWriter, r *http.Request) error {
	c, err := form(w, r)
	if err != nil {
		return err
	}
	id, _, err := p.Service.Drill(r.Context(), web.Ask{Target: r.PathValue("name"), Backup: r.PostForm.Get("backup"), By: c.Name})
	switch {
	case errors.Is(err, web.ErrNoBackup):
		return &problem{http.StatusNotFound, "The backup is not in the source any more. Go back and reload the list of backups."}
	case err != nil:
		return err
	}
	http.Redirect(w, r, "/drills/"+id, http.StatusSeeOther)
	return nil
}

// cancel takes the form of Stop. A drill that is over by then is shown as it ended.
func (p *Pages) cancel(w http.ResponseWriter, r *http.Request) error {
	c, err := form(w, r)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	if err := p.Service.Cancel(r.Context(), id, c.Name); err != nil && !errors.Is(err, history.ErrOver) {
		return err
	}
	to := "/drills/" + id
	if r.PostForm.Get("back") == "queue" {
		to = "/queue"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}
