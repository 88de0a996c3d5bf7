package configs

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a static binary in an empty image knows no time zones otherwise

	"lifeboat/engine"
	"lifeboat/jobs/cron"
	"lifeboat/storage"
)

// format is what a text must look like. check says in a few words why it does not,
// or returns errUnlike when what says it all.
type format struct {
	what  string
	check func(string) error
}

var errUnlike = errors.New("")

// formats are the words an is tag may use.
var formats = map[string]format{
	"word":       {"one word", matching(`^[^\s/]+$`)},
	"line":       {"one line of text", matching(`^[^\r\n]*\S[^\r\n]*$`)},
	"path":       {"the path of a file or folder", matching(`^[^\x00]+$`)},
	"suffix":     {"the end of a name, such as .done, without spaces", matching(`^[^\s*?\[\]]+$`)},
	"reason":     {"a reason in words", matching(`\S.*\S`)},
	"image":      {"the name of an image, such as postgres:16", matching(`^[A-Za-z0-9][A-Za-z0-9._/:@-]*$`)},
	"bucket":     {"the name of a bucket; what follows a slash is the prefix", matching(`^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$`)},
	"endpoint":   {"a host with or without a port, such as s3.example.com or https://minio.local:9000", checkEndpoint},
	"listen":     {"an address and a port, such as 127.0.0.1:8080", checkListen},
	"mailserver": {"a host with or without a port, such as mail.example.com:587", checkMailServer},
	"email":      {"an e-mail address, such as backups@example.com", checkEmail},
	"history":    {"the path of a file, or an address such as postgres://lifeboat@db.example.com/lifeboat", checkHistory},
	"window":     {"a window of the week, such as sat-sun 22:00-04:00", cron.CheckWindow},
	"digest":     {"five cron fields, @weekly and the like, or off", checkDigest},
	"url":        {"an address that begins with https:// or http://", checkURL},
	"timezone":   {"a time zone by its name, such as Europe/Berlin", checkTimezone},
	"schedule":   {"five cron fields, @hourly, @daily, @weekly, @monthly, @every 6h, or on-new-backup", checkSchedule},
	"match":      {"a pattern of names below the bucket or folder, such as pg/orders-*.dump", checkPatternOfNames},
	"pattern":    {"a regular expression", checkPattern},
	"table":      {"a table, such as public.orders", checkTable},
	"code":       {"the code of a result about a backup, such as role_absent", checkCode},
}

// serviceAddress is the form of a notifier's url that is not one of the web.
var serviceAddress = format{"the address of a service, such as discord://TOKEN@ID", matching(`^[a-zA-Z][a-zA-Z0-9+.-]*://\S+$`)}

func matching(expr string) func(string) error {
	re := regexp.MustCompile(expr)
	return func(s string) error {
		if re.MatchString(s) {
			return nil
		}
		return errUnlike
	}
}

// splitEndpoint cuts the scheme off an endpoint.
func splitEndpoint(s string) (scheme, host string) {
	scheme, host, found := strings.Cut(s, "://")
	if !found {
		return "", s
	}
	return scheme, strings.TrimSuffix(host, "/")
}

func checkEndpoint(s string) error {
	scheme, host := splitEndpoint(s)
	if scheme != "" && scheme != "http" && scheme != "https" {
		return errUnlike
	}
	if strings.ContainsAny(host, "/?#@ \t\r\n") {
		return errors.New("no path, user or query belongs here")
	}
	u, err := url.Parse("//" + host)
	if err != nil || u.Hostname() == "" || !validPort(u.Port(), host) {
		return errUnlike
	}
	return nil
}

func validPort(port, host string) bool {
	if port == "" {
		return !strings.HasSuffix(host, ":")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

func checkListen(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil || strings.ContainsAny(host, " /") {
		return errUnlike
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return errors.New("the port is a number up to 65535")
	}
	return nil
}

func checkURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || !validPort(u.Port(), u.Host) {
		return errUnlike
	}
	return nil
}

func checkTimezone(s string) error {
	if s == "" || s == "Local" {
		return errUnlike // both would depend on the machine
	}
	if _, err := time.LoadLocation(s); err != nil {
		return errUnlike
	}
	return nil
}

// checkSchedule asks the parser; it needs some time zone, and the target has its own.
func checkSchedule(s string) error {
	if s == OnNewBackup {
		return nil
	}
	_, err := cron.Parse(s, "UTC")
	return err
}

func checkDigest(s string) error {
	if s == DigestOff {
		return nil
	}
	_, err := cron.Parse(s, "UTC")
	return err
}

func checkMailServer(s string) error {
	if strings.Contains(s, "://") {
		return errUnlike
	}
	return checkEndpoint(s)
}

func checkEmail(s string) error {
	if _, err := mail.ParseAddress(s); err != nil || strings.ContainsAny(s, "\r\n") {
		return errUnlike
	}
	return nil
}

// checkHistory says nothing about what is wrong with an address: it may hold a password.
func checkHistory(s string) error {
	if !isDSN(s) {
		if strings.Contains(s, "://") || strings.Contains(s, "\x00") {
			return errUnlike
		}
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || strings.Trim(u.Path, "/") == "" {
		return errUnlike
	}
	return nil
}

// checkPatternOfNames says what the pattern's own reader says, without repeating the pattern.
func checkPatternOfNames(s string) error {
	_, err := storage.ParsePattern(s)
	if err == nil {
		return nil
	}
	why := strings.TrimPrefix(err.Error(), storage.ErrPattern.Error()+": ")
	return errors.New(strings.TrimLeft(strings.TrimPrefix(why, strconv.Quote(s)), ": "))
}

func checkPattern(s string) error {
	if s == "" {
		return errUnlike
	}
	if _, err := regexp.Compile(s); err != nil {
		return fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return nil
}

func checkTable(s string) error {
	if _, err := engine.ParseTable(s); err != nil {
		return errUnlike
	}
	return nil
}
