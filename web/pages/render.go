package pages

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"lifeboat/history"
	"lifeboat/internal/units"
	"lifeboat/verify"
	"lifeboat/verify/text"
	"lifeboat/web"
	"lifeboat/web/access"
)

// shell is what every page has around it.
type shell struct {
	clock
	Title      string
	Nav        string // address of the page in the navigation that this one belongs to
	Live       string // address of what moves on it; empty when nothing does
	Caller     access.Caller
	Version    string
	Conditions []condition
	assets     map[string]asset
}

type condition struct {
	web.Condition
	Since stamp
}

// Operates tells whether buttons are shown.
func (s shell) Operates() bool { return s.Caller.May(history.Operate) }

// Asset is the address of a file, new with each of its versions, so that browsers may keep it for good.
func (s shell) Asset(name string) string { return "/static/" + name + "?v=" + s.assets[name].tag }

// shell prepares what surrounds a page.
func (p *Pages) shell(ctx context.Context, title, nav string) shell {
	s := shell{
		clock: clock{p.Now()}, Title: title, Nav: nav, Caller: access.From(ctx), Version: p.Version, assets: p.assets,
	}
	for _, c := range p.Service.Conditions(ctx) {
		s.Conditions = append(s.Conditions, condition{c, s.At(c.Since)})
	}
	return s
}

// within bounds the queries of a page.
func within(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(r.Context(), queryTimeout, errors.New("the queries of a page took too long"))
}

// parse reads the templates: each page is the frame and the parts, with a main part of its own.
func (p *Pages) parse() error {
	frame, err := template.New("frame.html").Funcs(template.FuncMap{
		"bytes": units.Bytes, "count": units.Count, "duration": units.Duration, "clean": text.Clean,
		"counted": func(n int, noun string) string { return units.Counted(int64(n), noun) },
		"word":    func(v verify.Verdict) string { return word(v, "") },
		"number":  func(n int) string { return units.Count(int64(n)) },
		"used":    func(s verify.Sandbox) string { return sentence(text.Use(s)) },
		"join":    strings.Join,
		"path":    url.PathEscape, // of a name, which may hold a slash
	}).ParseFS(files, "templates/frame.html", "templates/parts.html")
	if err != nil {
		return fmt.Errorf("parse the frame: %w", err)
	}
	pages, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return err
	}
	p.templates = make(map[string]*template.Template)
	for _, file := range pages {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "frame" || name == "parts" {
			continue
		}
		page, err := template.Must(frame.Clone()).ParseFS(files, file)
		if err != nil {
			return fmt.Errorf("parse page %s: %w", name, err)
		}
		p.templates[name] = page
	}
	return nil
}

// show renders a page as a whole before a byte of it is sent.
func (p *Pages) show(w http.ResponseWriter, page string, status int, data any) error {
	return p.send(w, page, "frame.html", status, data)
}

// send renders one template of a page.
func (p *Pages) send(w http.ResponseWriter, page, part string, status int, data any) error {
	var b bytes.Buffer
	if err := p.templates[page].ExecuteTemplate(&b, part, data); err != nil {
		return fmt.Errorf("render %s: %w", page, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store") // what it shows is the state of now, and may not be everybody's to see
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a reader who went away is no news
	return nil
}

// sendJSON answers programs and people who read JSON.
func sendJSON(w http.ResponseWriter, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(append(b, '\n')) // a reader who went away is no news
	return nil
}

// Problem answers with a page that says what is wrong.
func (p *Pages) Problem(w http.ResponseWriter, r *http.Request, status int, words string) {
	data := struct {
		shell
		Status int
		Text   string
	}{p.bare(r, http.StatusText(status)), status, words}
	if err := p.show(w, "problem", status, data); err != nil {
		http.Error(w, words, status)
	}
}

// bare is a shell that asks neither the service nor the database.
func (p *Pages) bare(r *http.Request, title string) shell {
	return shell{
		clock: clock{p.Now()}, Title: title, Caller: access.From(r.Context()), Version: p.Version, assets: p.assets,
	}
}

// asset is a file that browsers load.
type asset struct {
	content []byte
	kind    string
	tag     string
}

func (p *Pages) readAssets() error {
	p.assets = make(map[string]asset)
	entries, err := files.ReadDir("static")
	if err != nil {
		return err
	}
	for _, e := range entries {
		b, err := files.ReadFile("static/" + e.Name())
		if err != nil {
			return err
		}
		sum := sha256.Sum256(b)
		p.assets[e.Name()] = asset{b, mime.TypeByExtension(path.Ext(e.Name())), hex.EncodeToString(sum[:6])}
	}
	return nil
}

// static serves the embedded files.
func (p *Pages) static(w http.ResponseWriter, r *http.Request) error {
	a, ok := p.assets[r.PathValue("file")]
	if !ok {
		return &problem{http.StatusNotFound, "There is no such file."}
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.content))
	return nil
}
