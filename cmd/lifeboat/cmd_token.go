package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"lifeboat/history"
	"lifeboat/verify/text"
	"lifeboat/web/access"
)

// tokenName is what a token may be called: it stands in lists, logs and pages.
var tokenName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$`)

func (sh *shell) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Let people and programs into the page and the API",
		Long: `Makes, lists and removes the tokens that let people and programs in where
server.access is tokens. The service need not be stopped for it. Only a hash of each
token is kept.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	var role string
	create := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a token and print it, once",
		Example: `  lifeboat token create anna --role operate
  lifeboat token create prometheus`,
		Args: one("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			return sh.withRecord(c.Context(), func(ctx context.Context, a *app) error {
				return sh.createToken(ctx, a.store, args[0], history.Role(role))
			})
		},
	}
	create.Flags().StringVar(&role, "role", string(history.View), "view: may read; operate: may start and cancel drills as well")
	list := &cobra.Command{
		Use: "list", Short: "List the tokens there are", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return sh.withRecord(c.Context(), func(ctx context.Context, a *app) error { return sh.listTokens(ctx, a.store) })
		},
	}
	remove := &cobra.Command{
		Use: "remove NAME", Short: "Remove a token, and log out who used it", Args: one("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			return sh.withRecord(c.Context(), func(ctx context.Context, a *app) error {
				err := a.store.RemoveToken(ctx, args[0])
				if errors.Is(err, history.ErrNotFound) {
					return usage(fmt.Errorf("there is no token %q; lifeboat token list shows those there are", args[0]))
				}
				return unable(err)
			})
		},
	}
	cmd.AddCommand(create, list, remove)
	return cmd
}

// createToken stores a token and prints it, alone on stdout.
func (sh *shell) createToken(ctx context.Context, store history.Access, name string, role history.Role) error {
	switch {
	case !tokenName.MatchString(name):
		return usage(fmt.Errorf("a token cannot be called %q; letters, digits, dots, dashes, underscores and @ will do", name))
	case role != history.View && role != history.Operate:
		return usage(fmt.Errorf("--role: there is no role %q; there are view and operate", role))
	}
	tokens, err := store.Tokens(ctx)
	if err != nil {
		return unable(err)
	}
	for _, t := range tokens {
		if t.Name == name {
			return usage(fmt.Errorf("there is a token %q already; remove it first: lifeboat token remove %s", name, name))
		}
	}
	plain, t := access.NewToken(name, role, sh.now())
	if err := store.AddToken(ctx, t); err != nil {
		return unable(err)
	}
	fmt.Fprintf(sh.stderr, "This is the only time that the token is shown:\n")
	fmt.Fprintln(sh.stdout, plain)
	return nil
}

func (sh *shell) listTokens(ctx context.Context, store history.Access) error {
	tokens, err := store.Tokens(ctx)
	if err != nil {
		return unable(err)
	}
	if len(tokens) == 0 {
		fmt.Fprintln(sh.stdout, "There are no tokens. Make one: lifeboat token create NAME")
		return nil
	}
	var rows []text.Row
	for _, t := range tokens {
		used := "never"
		if !t.Used.IsZero() {
			used = t.Used.UTC().Format(time.DateTime)
		}
		rows = append(rows, text.Row{Cells: []string{t.Name, string(t.Role), t.Created.UTC().Format(time.DateTime), used}})
	}
	columns := []text.Column{{Title: "TOKEN", Flex: true}, {Title: "ROLE"}, {Title: "MADE"}, {Title: "LAST USED"}}
	fmt.Fprint(sh.stdout, text.Grid(columns, rows, sh.textOptions()))
	return nil
}
