package historytest

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"lifeboat/history"
)

var accessPromises = []promise{
	{"a token is found by its hash, and when it was used is kept", tokens},
	{"the name of a token is taken once", tokenNames},
	{"a session lasts until it expires", sessions},
	{"a session ends with its token", sessionsOfToken},
}

func addToken(t *testing.T, s history.Store, name string, role history.Role) history.Token {
	t.Helper()
	tok := history.Token{Name: name, Role: role, Hash: "hash-of-" + name, Created: noon}
	if err := s.AddToken(t.Context(), tok); err != nil {
		t.Fatalf("AddToken(%s): %v", name, err)
	}
	return tok
}

func addSession(t *testing.T, s history.Store, hash, token string) history.Session {
	t.Helper()
	session := history.Session{Hash: hash, Token: token, Role: history.Operate, CSRF: "random", Expires: minute(60)}
	if err := s.AddSession(t.Context(), session); err != nil {
		t.Fatalf("AddSession(%s): %v", hash, err)
	}
	return session
}

func tokens(t *testing.T, s history.Store) {
	if list, err := s.Tokens(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("Tokens = %+v, %v; want none", list, err)
	}
	want := []history.Token{addToken(t, s, "ann", history.View), addToken(t, s, "ci", history.Operate)}
	if list, err := s.Tokens(t.Context()); err != nil || !reflect.DeepEqual(list, want) {
		t.Errorf("Tokens = %+v, %v; want %+v", list, err, want)
	}
	if _, err := s.FindToken(t.Context(), "hash-of-", minute(1)); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("FindToken by part of a hash = %v, want ErrNotFound", err)
	}
	tok, err := s.FindToken(t.Context(), "hash-of-ci", minute(10))
	if err != nil || tok.Name != "ci" || tok.Role != history.Operate || !tok.Created.Equal(noon) {
		t.Errorf("FindToken = %+v, %v; want ci", tok, err)
	}
	list, err := s.Tokens(t.Context())
	if err != nil || len(list) != 2 || !list[0].Used.IsZero() || !list[1].Used.Equal(minute(10)) {
		t.Errorf("Tokens = %+v, %v; want the second used at %s", list, err, minute(10))
	}
	if err := s.RemoveToken(t.Context(), "ci"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.FindToken(t.Context(), "hash-of-ci", minute(11)); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("FindToken of a removed one = %v, want ErrNotFound", err)
	}
	if err := s.RemoveToken(t.Context(), "ci"); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("RemoveToken twice = %v, want ErrNotFound", err)
	}
}

func tokenNames(t *testing.T, s history.Store) {
	first := addToken(t, s, "ann", history.View)
	second := history.Token{Name: "ann", Role: history.Operate, Hash: "other", Created: minute(1)}
	if err := s.AddToken(t.Context(), second); err == nil {
		t.Error("AddToken took a name twice")
	}
	if list, err := s.Tokens(t.Context()); err != nil || !reflect.DeepEqual(list, []history.Token{first}) {
		t.Errorf("Tokens = %+v, %v; want the first", list, err)
	}
	if _, err := s.FindToken(t.Context(), "other", minute(2)); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("FindToken of the refused one = %v, want ErrNotFound", err)
	}
}

// wantSession holds whether a session lets its person in.
func wantSession(t *testing.T, s history.Store, hash string, now time.Time, in bool) history.Session {
	t.Helper()
	got, err := s.FindSession(t.Context(), hash, now)
	if in && err != nil || !in && !errors.Is(err, history.ErrNotFound) {
		t.Errorf("FindSession(%s) at %s = %v, want in: %t", hash, now, err, in)
	}
	return got
}

func sessions(t *testing.T, s history.Store) {
	addToken(t, s, "ann", history.Operate)
	want := addSession(t, s, "s1", "ann")
	if got := wantSession(t, s, "s1", minute(59), true); !reflect.DeepEqual(got, want) {
		t.Errorf("the session is %+v, want %+v", got, want)
	}
	wantSession(t, s, "s", minute(59), false)
	wantSession(t, s, "s1", minute(60).Add(1), false)
	addSession(t, s, "s2", "ann")
	addSession(t, s, "s3", "ann")
	if err := s.RemoveSession(t.Context(), "s2"); err != nil {
		t.Fatal(err)
	}
	wantSession(t, s, "s2", minute(1), false)
	wantSession(t, s, "s3", minute(1), true)
}

func sessionsOfToken(t *testing.T, s history.Store) {
	addToken(t, s, "ann", history.Operate)
	addToken(t, s, "bob", history.Operate)
	addSession(t, s, "of-ann", "ann")
	addSession(t, s, "of-bob", "bob")
	if err := s.RemoveToken(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	wantSession(t, s, "of-ann", minute(1), false)
	wantSession(t, s, "of-bob", minute(1), true)
	addToken(t, s, "ann", history.View) // another person of this name
	wantSession(t, s, "of-ann", minute(1), false)
}
