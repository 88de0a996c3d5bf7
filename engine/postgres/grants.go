package postgres

import (
	"strings"

	"lifeboat/engine/postgres/sqltext"
)

// role adds a role that a dump names. Roles that every server has are left out.
func (c *catalog) role(name string) {
	switch name {
	case "", "public", "current_user", "session_user", "current_role", "none":
		return
	}
	if len(c.roles) >= maxObjects {
		c.full = true
	} else if !strings.HasPrefix(name, "pg_") {
		c.roles[name] = true
	}
}

// grants adds the roles named by statements about privileges.
func (c *catalog) grants(sql string) {
	s := sqltext.NewScanner(strings.NewReader(sql))
	for {
		kind, err := s.Next()
		if err != nil && kind != sqltext.Statement {
			return
		}
		if kind == sqltext.Statement {
			c.grant(string(s.Text()))
		}
		if err != nil {
			return
		}
	}
}

// grant adds the roles named by one statement about privileges or ownership.
func (c *catalog) grant(sql string) {
	w := sqltext.Read(sql)
	switch {
	case w.Accept("ALTER", "DEFAULT", "PRIVILEGES"):
		if w.Accept("FOR") && w.AcceptAny("ROLE", "USER") != "" {
			c.roleList(w)
		}
		c.grantees(w)
	case w.Accept("CREATE", "POLICY"), w.Accept("ALTER", "POLICY"):
		if w.SkipTo("TO") {
			c.roleList(w)
		}
	case w.Accept("CREATE", "USER", "MAPPING"):
		if w.SkipTo("FOR") {
			c.roleList(w)
		}
	case w.Accept("SET", "SESSION", "AUTHORIZATION"):
		if name, ok := w.String(); ok {
			c.role(name)
		} else if !w.Accept("DEFAULT") {
			c.roleList(w)
		}
	case w.Accept("ALTER"):
		if w.SkipTo("OWNER") && w.Accept("TO") {
			c.roleList(w)
		}
	default:
		c.grantees(w)
	}
}

// grantees adds those to whom something is granted, or from whom it is revoked.
func (c *catalog) grantees(w *sqltext.Words) {
	for {
		switch {
		case w.Accept("GRANT"):
			if w.SkipTo("TO") {
				c.roleList(w)
			}
			return
		case w.Accept("REVOKE"):
			if w.SkipTo("FROM") {
				c.roleList(w)
			}
			return
		case !w.Skip():
			return
		}
	}
}

// roleList adds a list of roles.
func (c *catalog) roleList(w *sqltext.Words) {
	for {
		w.Accept("GROUP")
		name, ok := w.Ident()
		if !ok {
			return
		}
		c.role(name)
		if !w.Accept(",") {
			return
		}
	}
}
