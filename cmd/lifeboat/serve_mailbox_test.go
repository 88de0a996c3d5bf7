package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
)

// mailbox is a mail server that takes the mails of those who log in with its password, and
// repeats what the others said, as some do.
type mailbox struct {
	address, password string

	mu    sync.Mutex
	mails []string
}

func startMailbox(t testing.TB, password string) *mailbox {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailbox{address: l.Addr().String(), password: password}
	var talks sync.WaitGroup
	talks.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			talks.Go(func() { m.talk(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		talks.Wait() // clients have ended before
	})
	return m
}

func (m *mailbox) talk(conn net.Conn) {
	defer conn.Close()
	say := func(lines ...string) { _, _ = io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n") }
	say("220 mail.example.com ESMTP")
	right := base64.StdEncoding.EncodeToString([]byte("\x00lifeboat\x00" + m.password))
	var mail strings.Builder
	in := false
	for words := bufio.NewScanner(conn); words.Scan(); {
		line := words.Text()
		verb, _, _ := strings.Cut(line, " ")
		switch {
		case in && line == ".":
			in = false
			m.mu.Lock()
			m.mails = append(m.mails, mail.String())
			m.mu.Unlock()
			mail.Reset()
			say("250 taken")
		case in:
			mail.WriteString(line + "\n")
		case verb == "EHLO":
			say("250-mail.example.com", "250 AUTH PLAIN")
		case verb == "AUTH" && strings.HasSuffix(line, right):
			say("235 welcome")
		case verb == "AUTH":
			plain, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(line, "AUTH PLAIN "))
			say(fmt.Sprintf("535 no such user and password: %q, sent as %s", plain, line))
		case verb == "DATA":
			in = true
			say("354 go on")
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (m *mailbox) received() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.mails)
}
