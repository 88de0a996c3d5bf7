package server

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookAgain is how often the files of a certificate are looked at, when somebody comes.
const lookAgain = 10 * time.Second

// pair is a certificate that is read again when its files change. One that cannot be
// used does not replace one that can.
type pair struct {
	Config
	mu     sync.Mutex
	now    *tls.Certificate
	looked time.Time
	marks  [2]mark
}

// mark tells whether a file changed.
type mark struct {
	at   time.Time
	size int64
}

func newPair(c Config) (*pair, error) {
	p := &pair{Config: c, looked: c.Now()}
	if err := p.read(); err != nil {
		return nil, err
	}
	return p, nil
}

// certificate implements tls.Config.GetCertificate.
func (p *pair) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.Now(); now.Sub(p.looked) >= lookAgain || now.Before(p.looked) {
		p.looked = now
		if err := p.read(); err != nil {
			p.Log.Error("certificate not renewed, the old one is kept", slog.Any("error", err))
		}
	}
	return p.now, nil
}

// read loads the files where they are not those that were loaded last.
func (p *pair) read() error {
	var marks [2]mark
	for i, path := range []string{p.Cert, p.Key} {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("certificate: %w", err)
		}
		marks[i] = mark{info.ModTime(), info.Size()}
	}
	if p.now != nil && marks == p.marks {
		return nil
	}
	c, err := tls.LoadX509KeyPair(p.Cert, p.Key)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", p.Cert, p.Key, err)
	}
	if p.now != nil {
		p.Log.Info("certificate renewed", slog.Time("until", c.Leaf.NotAfter))
	}
	p.now, p.marks = &c, marks
	return nil
}
