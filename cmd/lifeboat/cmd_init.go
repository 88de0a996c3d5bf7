package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lifeboat/configs"
	"lifeboat/internal/units"
	"lifeboat/jobs"
	"lifeboat/storage"
	"lifeboat/storage/envelope"
	"lifeboat/verify/text"
)

func (sh *shell) initCommand() *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init LOCATION",
		Short: "Look at what lies there, propose a configuration",
		Long: `Lists a bucket or folder, recognises series of backups from their names, times and
first bytes, and writes a configuration that explains what was found. It restores
nothing and writes nothing but that file.

Keys for S3 are taken from the environment (AWS_ACCESS_KEY_ID and the like), the
shared credentials file or the machine's role.`,
		Example: `  lifeboat init s3://acme-backups/postgres --region eu-central-1
  lifeboat init s3://backups --endpoint minio.internal:9000 --ca-file ca.pem
  lifeboat init /mnt/backups`,
		Args: one("LOCATION"),
		RunE: func(c *cobra.Command, args []string) error {
			o.location = args[0]
			return sh.init(c.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.output, "output", "o", "", "file to write instead of the one --config names; - for stdout")
	f.BoolVar(&o.force, "force", false, "overwrite the file if it exists")
	f.StringVar(&o.endpoint, "endpoint", "", "host and port of the S3-compatible storage (default Amazon's)")
	f.StringVar(&o.region, "region", "", "region of the bucket")
	f.StringVar(&o.caFile, "ca-file", "", "PEM file of the authority that signed the storage's certificate")
	f.BoolVar(&o.insecure, "insecure", false, "talk plain HTTP")
	f.BoolVar(&o.anonymous, "anonymous", false, "read without any key")
	return cmd
}

type initOptions struct {
	location, output, endpoint, region, caFile string
	force, insecure, anonymous                 bool
}

// surveyTimeout bounds listing the location and reading the heads of the newest
// backups.
const surveyTimeout = 10 * time.Minute

func (sh *shell) init(ctx context.Context, o initOptions) error {
	ctx, cancel := context.WithTimeoutCause(ctx, surveyTimeout, fmt.Errorf("looking around took longer than %s", surveyTimeout))
	defer cancel()
	if o.output == "" {
		o.output = sh.config
	}
	if _, err := os.Stat(o.output); err == nil && !o.force && o.output != "-" {
		return usage(fmt.Errorf("%s is already there; --force overwrites it, --output names another", o.output))
	}
	name, conf, prefix, err := o.source()
	if err != nil {
		return usage(err)
	}
	src, err := openSource(name, conf)
	if err != nil {
		return usage(err)
	}
	fmt.Fprintf(sh.stderr, "Listing %s ...\n", o.location)
	series, listed, err := storage.Survey(ctx, src, prefix, sh.now())
	if err != nil {
		return unable(err)
	}
	if len(series) == 0 {
		return unable(fmt.Errorf("%s holds no backups: %s there; is the name right?", o.location, units.Counted(int64(listed), "object")))
	}
	p := proposal{location: o.location, prefix: prefix, listed: listed, now: sh.now(), sourceName: name, source: conf}
	for _, s := range series {
		fmt.Fprintf(sh.stderr, "Reading the head of %s ...\n", text.Clean(s.Example))
		p.add(s, sh.recognise(ctx, src, s))
	}
	return sh.writeProposal(p, o.output)
}

// source is the configuration of the location's source, and the prefix asked for.
func (o initOptions) source() (name string, c configs.Source, prefix string, err error) {
	if !strings.HasPrefix(o.location, "s3://") {
		info, err := os.Stat(o.location)
		if err != nil {
			return "", c, "", fmt.Errorf("%w; a bucket is named like s3://bucket/prefix", err)
		}
		if !info.IsDir() {
			return "", c, "", fmt.Errorf("%s is a file; name the folder it lies in", o.location)
		}
		path, err := absolute(o.location)
		return "folder", configs.Source{Kind: configs.KindDir, Path: path}, "", err
	}
	u, err := url.Parse(o.location)
	if err != nil || u.Host == "" {
		return "", c, "", fmt.Errorf("%q is not like s3://bucket/prefix", o.location)
	}
	if o.caFile != "" { // in a configuration it would be below the folder of that
		if o.caFile, err = absolute(o.caFile); err != nil {
			return "", c, "", err
		}
	}
	return "bucket", configs.Source{
		Kind: configs.KindS3, Endpoint: o.endpoint, Region: o.region, Bucket: u.Host, CAFile: o.caFile,
		Insecure: o.insecure, Anonymous: o.anonymous, PathStyle: "auto", Timeout: 30 * time.Second,
	}, strings.TrimPrefix(u.Path, "/"), nil
}

// recognised is what the head of a series' newest backup told.
type recognised struct {
	jobs.Found
	err error // why it cannot be drilled as it is
}

// recognise reads the head of the newest backup of a series.
func (sh *shell) recognise(ctx context.Context, src storage.Source, s storage.Series) recognised {
	pattern, err := storage.ParsePattern(s.Pattern)
	if err != nil {
		return recognised{err: err}
	}
	p := &jobs.Pipeline{Engines: engines(), Now: sh.now, Log: sh.log()}
	j := jobs.Job{Source: src, Pattern: pattern, Opener: envelope.New(envelope.Keys{}, envelope.Limits{})}
	j.Target.Name, j.Target.Source = s.Pattern, src.Name()
	found, err := p.Look(ctx, j)
	return recognised{Found: found, err: err}
}

// writeProposal writes the configuration, after reading it back the way every command
// will: a proposal that does not load would be worse than none.
func (sh *shell) writeProposal(p proposal, output string) error {
	proposed := p.yaml()
	targets, encrypted := p.targets(), p.encrypted()
	if targets+encrypted == 0 {
		fmt.Fprint(sh.stderr, proposed)
		return unable(errors.New("nothing that lies there can be drilled; the comments above say why"))
	}
	if _, err := configs.Parse(output, []byte(proposed), os.LookupEnv); err != nil && targets > 0 {
		return unable(fmt.Errorf("the proposal does not load: %w", err))
	}
	if output == "-" {
		fmt.Fprint(sh.stdout, proposed)
	} else if err := os.WriteFile(output, []byte(proposed), fs.FileMode(0o600)); err != nil {
		return usage(err)
	}
	return sh.tellProposal(targets, encrypted, p.listed, output)
}

// tellProposal says what was written and what is to be done with it. Where all that
// was found is encrypted, the keys are missing on our side.
func (sh *shell) tellProposal(targets, encrypted, listed int, output string) error {
	locked := units.Count(int64(encrypted)) + " encrypted series"
	if targets == 0 {
		return usage(fmt.Errorf("%s has no target yet: it names %s, to be given the key; its comments say how", output, locked))
	}
	if output == "-" {
		return nil
	}
	fmt.Fprintf(sh.stdout, "%s proposes %s from %s.\n", output, units.Counted(int64(targets), "target"), units.Counted(int64(listed), "object"))
	if encrypted > 0 {
		fmt.Fprintf(sh.stdout, "It also names %s, as comments, to be given the key.\n", locked)
	}
	fmt.Fprintln(sh.stdout, "Read it, then run lifeboat check-config, lifeboat doctor and lifeboat drill.")
	return nil
}
