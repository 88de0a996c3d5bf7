// Package access decides who may see and do what over HTTP: tokens for programs,
// sessions for people, and protection against requests that another web page makes in
// their name. It stores hashes only and knows nothing of drills.
package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"lifeboat/history"
)

// Caller is who sent a request.
type Caller struct {
	Name string       // of the token; empty when nobody logged in
	Role history.Role // empty when nobody logged in
	CSRF string       // goes along with each form as the field "csrf"; empty where no session is used
}

// May reports whether c has a role. Who may operate may view.
func (c Caller) May(role history.Role) bool {
	return c.Role == history.Operate || c.Role == role && role != ""
}

type callerKey struct{}

// From is the caller of the request whose context this is: the zero Caller when
// nobody logged in, or Wrap was not passed.
func From(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

type stillKey struct{}

// Still reports whether the caller of the request whose context this is may still come in:
// requests that last for hours outlive tokens and sessions. A database that does not answer
// shuts nobody out.
func Still(ctx context.Context) bool {
	again, asks := ctx.Value(stillKey{}).(func(context.Context) error)
	return !asks || !errors.Is(again(ctx), history.ErrNotFound)
}

// With returns ctx with a caller, for tests of handlers.
func With(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// prefix begins every token, so that scanners for leaked secrets recognise it.
const prefix = "lbt_"

// tokenBytes are random: nobody guesses 160 bits.
const tokenBytes = 20

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewToken makes a token. plain is shown once and never stored.
func NewToken(name string, role history.Role, now time.Time) (plain string, t history.Token) {
	random := make([]byte, tokenBytes)
	_, _ = rand.Read(random) // never fails: the program ends where the system has no randomness
	plain = prefix + strings.ToLower(encoding.EncodeToString(random))
	return plain, history.Token{Name: name, Role: role, Hash: Hash(plain), Created: now}
}

// Hash is what is stored of a token or of a session's cookie. A plain SHA-256 will do:
// what it hides is random, not a word that people choose.
func Hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// wellFormed tells what cannot be a token before the database is asked.
func wellFormed(plain string) bool {
	rest, ok := strings.CutPrefix(plain, prefix)
	if !ok || len(rest) != encoding.EncodedLen(tokenBytes) {
		return false
	}
	_, err := encoding.DecodeString(strings.ToUpper(rest))
	return err == nil
}

// secret is a random value for cookies and forms.
func secret() string { return rand.Text() + rand.Text() }
