package configs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// maxReferred bounds the file behind a ${file:} reference: keys and passwords.
const maxReferred = 1 << 20

// references resolves ${env:NAME} and ${file:PATH}.
type references struct {
	dir string // of the configuration file
	env func(string) (string, bool)
}

var (
	// reference finds references in a text; $${env:X} is the text ${env:X}.
	reference = regexp.MustCompile(`\$?\$\{([a-z]+):([^}]*)\}`)
	// bare is what other tools would take for a reference.
	bare    = regexp.MustCompile(`^\$\{[A-Za-z_][A-Za-z0-9_]*\}$`)
	envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

const howToRefer = "write ${env:NAME} or ${file:/path}"

// whole resolves a secret: one reference, or a literal.
func (f references) whole(raw string) (value string, referred bool, rules []string) {
	m := reference.FindStringSubmatch(raw)
	switch {
	case bare.MatchString(raw):
		return "", false, []string{"looks like a reference; " + howToRefer}
	case m == nil || strings.HasPrefix(m[0], "$$"):
		return strings.Replace(raw, "$${", "${", 1), false, nil
	case m[0] != raw:
		return "", false, []string{"must be one reference and nothing else, because it is a secret"}
	}
	value, rule := f.resolve(m[1], m[2])
	if rule != "" {
		return "", true, []string{rule}
	}
	return value, true, nil
}

// inText resolves every reference within a text.
func (f references) inText(raw string) (value string, referred bool, rules []string) {
	if bare.MatchString(raw) {
		return "", false, []string{"looks like a reference; " + howToRefer}
	}
	value = reference.ReplaceAllStringFunc(raw, func(s string) string {
		if strings.HasPrefix(s, "$$") {
			return s[1:]
		}
		m := reference.FindStringSubmatch(s)
		referred = true
		got, rule := f.resolve(m[1], m[2])
		if rule != "" {
			rules = append(rules, rule)
		}
		return got
	})
	return value, referred, rules
}

func (f references) resolve(kind, name string) (value, rule string) {
	switch kind {
	case "env":
		if !envName.MatchString(name) {
			return "", "refers to an environment variable by an impossible name; " + howToRefer
		}
		value, set := f.env(name)
		switch {
		case !set:
			return "", fmt.Sprintf("needs the environment variable %s, which is not set", name)
		case value == "":
			return "", fmt.Sprintf("needs the environment variable %s, which is empty", name)
		}
		return value, ""
	case "file":
		if name == "" {
			return "", "refers to a file without its name; " + howToRefer
		}
		return f.read(name)
	}
	return "", "refers to something other than env and file; " + howToRefer
}

// read returns the contents of a file without the newline at its end.
func (f references) read(name string) (value, rule string) {
	path := f.path(name)
	cannot := func(err error) (string, string) {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return "", fmt.Sprintf("needs the file %s, which cannot be read: %v", path, err)
	}
	// Asked before opening: opening a pipe would wait for somebody to write into it.
	switch info, err := os.Stat(path); {
	case err != nil:
		return cannot(err)
	case !info.Mode().IsRegular():
		return cannot(errors.New("it is not a regular file"))
	case info.Size() > maxReferred:
		return cannot(fmt.Errorf("it is larger than %d bytes", maxReferred))
	}
	file, err := os.Open(path)
	if err != nil {
		return cannot(err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxReferred))
	if err != nil {
		return cannot(err)
	}
	value = strings.TrimRight(string(data), "\r\n")
	if value == "" {
		return "", fmt.Sprintf("needs the file %s, which is empty", path)
	}
	return value, ""
}

// path makes a relative path one below the folder of the configuration file.
func (f references) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(f.dir, name)
}
