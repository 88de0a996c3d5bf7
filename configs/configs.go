// Package configs turns one YAML file into a Config that is complete and sound, or
// into the list of everything that is wrong with it, each mistake with its line. It
// opens no storage, starts nothing and knows no adapter: whether what is configured
// also works is for the doctor to say.
package configs

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// MaxBytes bounds the size of a configuration file: room for 20,000 targets.
const MaxBytes = 4 << 20

// Config is a whole configuration. References to the environment and to files are
// resolved, defaults are filled in, and every name that is referred to exists.
type Config struct {
	Sources   map[string]Source   `yaml:"sources" need:"yes" doc:"Where backups lie, by name. Lifeboat only ever reads them."`
	Targets   map[string]Target   `yaml:"targets" need:"yes" doc:"Series of backups that must keep proving themselves, by name."`
	Notifiers map[string]Notifier `yaml:"notifiers" doc:"Who is told, by name."`
	Server    Server              `yaml:"server" doc:"The service itself."`
}

// Load reads the configuration file at path, with references resolved against the
// environment of this process. What is wrong inside the file comes back as
// *Mistakes; a file that cannot be read is another error.
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(path, data, os.LookupEnv)
}

// Parse reads a configuration. file is its name in messages, and relative paths
// inside it are below its folder. env looks up ${env:NAME}. An error is always
// *Mistakes and names every mistake there is.
func Parse(file string, data []byte, env func(string) (string, bool)) (*Config, error) {
	r := &reader{
		refs:  references{dir: filepath.Dir(file), env: env},
		spots: make(map[string]position),
		bad:   make(map[string]bool),
		gaps:  make(map[string]gaps),
	}
	var c Config
	if root := r.parse(data); root != nil {
		r.config(root, &c)
	}
	if len(r.found) > 0 {
		return nil, newMistakes(file, r.found)
	}
	return &c, nil
}
