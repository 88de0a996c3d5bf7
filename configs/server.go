package configs

import (
	"strings"
	"time"
)

// Words that server.access may be.
const (
	AccessOff    = "off"
	AccessTokens = "tokens"
)

// DigestOff is the digest of those who want none.
const DigestOff = "off"

// Server is how the service runs.
type Server struct {
	Listen      string        `yaml:"listen" default:"127.0.0.1:8080" is:"listen" doc:"Address and port of the page, the API and the metrics."`
	URL         string        `yaml:"url" is:"url" doc:"Address under which people reach the page; alerts link to it."`
	Access      string        `yaml:"access" default:"off" enum:"off,tokens" doc:"Who may read and drill: off lets everybody who reaches the address, tokens only those with a token. Off is for an address of this machine alone."`
	TLS         *TLS          `yaml:"tls" doc:"Certificate of the page. Without one it speaks plain HTTP, which is for this machine and for a proxy in front."`
	History     Secret        `yaml:"history" default:"lifeboat.db" is:"history" doc:"The database: an SQLite file, or postgres://USER:PASSWORD@HOST/DATABASE to be shared by many machines. A relative path is below the folder of the configuration file."`
	Concurrency int           `yaml:"concurrency" default:"2" min:"1" max:"64" doc:"Drills that may run at once, if CPU, memory and disk admit them."`
	Poll        time.Duration `yaml:"poll" default:"5m" min:"10s" max:"24h" doc:"How often sources are listed for new backups, for targets with the schedule on-new-backup."`
	Drain       time.Duration `yaml:"drain" default:"2m" min:"0s" max:"24h" doc:"How long a service that is told to stop lets running drills go on. What is not over then is called off and queued again."`
	Operators   []string      `yaml:"operators" doc:"Names of the notifiers told when Lifeboat could not tell, or is in trouble itself. Without any, those of notify are told."`
	Alerts      Alerts        `yaml:"alerts" doc:"When alerts are sent."`
	Heartbeat   Secret        `yaml:"heartbeat" is:"url" doc:"Address that is asked as long as the service works, such as one of healthchecks.io. Whoever watches it notices when Lifeboat is gone."`
}

// TLS is a certificate with its key.
type TLS struct {
	Cert string `yaml:"cert" need:"yes" is:"path" doc:"PEM file with the certificate and those it depends on. It is read again when it changes."`
	Key  string `yaml:"key" need:"yes" is:"path" doc:"PEM file with its private key."`
}

// Alerts says when alerts are sent.
type Alerts struct {
	Repeat          time.Duration `yaml:"repeat" default:"24h" min:"0s" max:"52w" doc:"A problem that lasts is told again after this long; 0s: never."`
	UnverifiedAfter int           `yaml:"unverified_after" default:"3" min:"1" max:"100" doc:"Drills in a row that could not tell before anybody is told. One occurrence has three attempts within the first hour."`
	Warnings        bool          `yaml:"warnings" doc:"Whether a drill that warned is a problem to tell as well."`
	Digest          string        `yaml:"digest" default:"0 8 * * mon" is:"digest" doc:"When the digest of what was proven and what was not is sent: a schedule, or off."`
	DigestTimezone  string        `yaml:"digest_timezone" default:"UTC" is:"timezone" doc:"Time zone of digest."`
}

// isDSN reports whether a history is the address of a PostgreSQL database.
func isDSN(history string) bool {
	return strings.HasPrefix(history, "postgres://") || strings.HasPrefix(history, "postgresql://")
}

// HistoryPath is the SQLite file of the database; ok is false when it is PostgreSQL.
func (s Server) HistoryPath() (path string, ok bool) {
	if isDSN(s.History.Reveal()) {
		return "", false
	}
	return s.History.Reveal(), true
}

// HistoryDSN is the address of the PostgreSQL database, with its password, for the one
// call that connects; ok is false when it is an SQLite file.
func (s Server) HistoryDSN() (dsn string, ok bool) {
	if !isDSN(s.History.Reveal()) {
		return "", false
	}
	return s.History.Reveal(), true
}
