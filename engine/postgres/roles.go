package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// createRoles creates the roles the server lacks, unable to log in, and returns their
// names. Names of the server's own kind (pg_...) cannot be created: a grant to one
// that this version does not have is an error the restore will show.
func createRoles(ctx context.Context, admin *session, want []string) ([]string, error) {
	rows, err := admin.rows(ctx, "SELECT rolname FROM pg_roles")
	if err != nil {
		return nil, admin.server.accident(ctx, "list roles", err)
	}
	have := map[string]bool{"public": true, "": true}
	for _, r := range rows {
		have[string(r[0])] = true
	}
	var created []string
	var sql strings.Builder
	for _, name := range want {
		if have[name] || strings.HasPrefix(name, "pg_") {
			continue
		}
		have[name] = true
		created = append(created, name)
		fmt.Fprintf(&sql, "CREATE ROLE %s NOLOGIN;", ident(name))
	}
	if len(created) == 0 {
		return nil, nil
	}
	if _, err := admin.run(ctx, sql.String()); err != nil {
		return nil, admin.server.accident(ctx, "create roles", err)
	}
	slices.Sort(created)
	return created, nil
}

// ident quotes an identifier.
func ident(name string) string {
	return `"` + strings.ReplaceAll(strings.ReplaceAll(name, "\x00", ""), `"`, `""`) + `"`
}

// literal quotes a string.
func literal(s string) string {
	s = strings.ReplaceAll(s, "\x00", "")
	if strings.Contains(s, `\`) {
		return ` E'` + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), `'`, `''`) + `'`
	}
	return `'` + strings.ReplaceAll(s, `'`, `''`) + `'`
}
