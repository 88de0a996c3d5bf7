package check_test

import (
	"fmt"
	"slices"
	"testing"

	"lifeboat/engine"
	"lifeboat/verify"
	"lifeboat/verify/check"
)

func TestRestore(t *testing.T) {
	line := func(class engine.ErrorClass, subject string) func(in *verify.Input) {
		return func(in *verify.Input) {
			in.Restored.Exit = 1
			in.Restored.Errors = []engine.RestoreError{{Class: class, Subject: subject, Message: "ERROR: no"}}
			in.Restored.ErrorCount = map[engine.ErrorClass]int{class: 1}
		}
	}
	tests{
		{"harmless errors", check.Restore{}, line(engine.Harmless, "comment"), nil},
		{"rows lost", check.Restore{}, line(engine.DataLost, "table orders"), []string{"failed restore_incomplete table orders"}},
		{"one error for each row", check.Restore{}, func(in *verify.Input) {
			line(engine.DataLost, "table orders")(in)
			in.Restored.Errors = slices.Repeat(in.Restored.Errors, 40)
			in.Restored.ErrorCount[engine.DataLost] = 40
		}, []string{"failed restore_incomplete table orders"}},
		{"an unknown error", check.Restore{}, line(engine.Unclassified, "function f"), []string{"failed restore_incomplete function f"}},
		{"an absent extension", check.Restore{}, line(engine.ExtensionAbsent, "extension postgis"), []string{"failed extension_absent extension postgis"}},
		{"an absent role", check.Restore{}, line(engine.RoleAbsent, "role app"), []string{"warned role_absent role app"}},
		{"roles created", check.Restore{}, func(in *verify.Input) { in.Restored.RolesCreated = []string{"app", "reader"} },
			[]string{"warned role_absent app, reader"}},
		{"many roles created", check.Restore{}, func(in *verify.Input) {
			in.Restored.RolesCreated = []string{"a", "b", "c", "d", "e", "f", "g", "h"}
		}, []string{"warned role_absent a, b, c, d, e, f and 2 more"}},
		{"as many roles as are named", check.Restore{}, func(in *verify.Input) {
			in.Restored.RolesCreated = []string{"a", "b", "c", "d", "e", "f"}
		}, []string{"warned role_absent a, b, c, d, e, f"}},
		{"commands for the restore tool", check.Restore{}, func(in *verify.Input) { in.Received.Commands = []string{`\!`, `\copy`} },
			[]string{`warned client_commands \!, \copy`}},
		{"more errors than are kept", check.Restore{}, func(in *verify.Input) {
			line(engine.Harmless, "comment")(in)
			in.Restored.ErrorCount[engine.DataLost] = 3
		}, []string{"failed restore_incomplete 3 more error lines"}},
		{"a silent failure", check.Restore{}, func(in *verify.Input) { in.Restored.Exit = 3 }, []string{"failed restore_incomplete pg_restore 16.4"}},
		{"a failure that left nothing", check.Restore{}, func(in *verify.Input) {
			line(engine.Unclassified, "schema public")(in)
			in.Measured = []engine.Measured{}
		}, []string{"failed restore_failed pg_restore 16.4", "failed restore_incomplete schema public"}},
		{"a failure without a database", check.Restore{}, func(in *verify.Input) { in.Restored.DB, in.Restored.Exit, in.Measured = nil, 1, nil },
			[]string{"failed restore_failed pg_restore 16.4"}},
		{"a failure whose tables were not counted", check.Restore{}, func(in *verify.Input) { in.Restored.Exit, in.Measured = 1, nil },
			[]string{"failed restore_incomplete pg_restore 16.4"}},
	}.run(t)
}

func TestCensus(t *testing.T) {
	parent := engine.Table{Schema: "public", Name: "events"}
	tree := func(restored int64) func(in *verify.Input) {
		return func(in *verify.Input) {
			in.Received.Census.Tables = append(in.Received.Census.Tables, engine.Count{Table: parent, Rows: 30, Tree: true})
			in.Measured = append(in.Measured, engine.Measured{Table: parent, Tree: restored})
		}
	}
	leftOut := func(restored int64) func(in *verify.Input) {
		return func(in *verify.Input) {
			carts := engine.Table{Schema: "public", Name: "carts"}
			in.Received.Census.LeftOut = []engine.Table{carts}
			in.Measured = append(in.Measured, engine.Measured{Table: carts, Rows: restored, Tree: restored})
		}
	}
	drained := func(in *verify.Input) {
		in.Measured = []engine.Measured{{Table: orders}, {Table: users}}
		in.Received.Census.Tables = []engine.Count{{Table: orders}, {Table: users}}
	}
	tests{
		{"rows are missing", check.Census{}, func(in *verify.Input) { in.Measured[0].Rows = 1999 }, []string{"failed rows_missing public.orders"}},
		{"all rows are missing", check.Census{}, func(in *verify.Input) { in.Measured[0].Rows, in.Measured[1].Rows = 0, 0 },
			[]string{"failed rows_missing public.orders", "failed rows_missing public.users"}},
		{"a table whose rows the dump does not speak of", check.Census{}, leftOut(0), []string{"warned rows_left_out public.carts"}},
		{"the same, filled by something else", check.Census{}, leftOut(1), nil},
		{"rows too many", check.Census{}, func(in *verify.Input) { in.Measured[0].Rows = 2001 }, []string{"failed rows_unexpected public.orders"}},
		{"more rows where that is right", check.Census{}, func(in *verify.Input) {
			in.Measured[0].Rows, in.Received.Census.Tables[0].AtLeast = 2001, true
		}, nil},
		{"fewer rows where more would be right", check.Census{}, func(in *verify.Input) {
			in.Measured[0].Rows, in.Received.Census.Tables[0].AtLeast = 1999, true
		}, []string{"failed rows_missing public.orders"}},
		{"a table is missing", check.Census{}, func(in *verify.Input) { in.Measured = in.Measured[:1] }, []string{"failed tables_missing public.users"}},
		{"a whole tree", check.Census{}, tree(30), nil},
		{"a tree that lost rows", check.Census{}, tree(29), []string{"failed rows_missing public.events"}},
		{"a table could not be counted", check.Census{}, func(in *verify.Input) { in.Measured[0].Err = errIO },
			[]string{"errored check_errored public.orders"}},
		{"no table could be counted", check.Census{}, func(in *verify.Input) {
			drained(in)
			in.Measured[0].Err, in.Measured[1].Err = errIO, errIO
		}, []string{"errored check_errored public.orders", "errored check_errored public.users"}},
		{"nothing was measured", check.Census{}, func(in *verify.Input) { in.Measured = nil }, []string{"error: the restored tables were not counted"}},
		{"a column another check asks for is absent", check.Census{}, func(in *verify.Input) {
			in.Measured = append(in.Measured, engine.Measured{Table: orders, Err: fmt.Errorf("column x: %w", engine.ErrNoTable)})
		}, nil},
		{"tables without a row", check.Census{}, drained, []string{"failed empty_restore shop"}},
		{"schema only, beside an extension's table", check.Census{}, func(in *verify.Input) {
			drained(in)
			in.Received.Census.Tables = nil
			in.Measured = append(in.Measured, engine.Measured{Table: engine.Table{Schema: "public", Name: "spatial_ref_sys"}, Rows: 8500})
		}, []string{"failed empty_restore shop"}},
		{"no table at all", check.Census{}, func(in *verify.Input) {
			in.Measured, in.Received.Census = []engine.Measured{}, engine.Census{}
		}, []string{"failed empty_restore shop"}},
		{"a dump that cannot be counted says so", check.Census{}, func(in *verify.Input) {
			in.Received.Census = engine.Census{Uncounted: []engine.Skipped{{Subject: "all tables", Reason: "a database file"}}}
		}, nil},
		{"a dump that was not counted and does not say so", check.Census{}, func(in *verify.Input) { in.Received.Census = engine.Census{} },
			[]string{"error: rows were restored, but none were counted in the dump and nothing says why"}},
	}.run(t)
}

func TestInventory(t *testing.T) {
	without := func(n int) func(in *verify.Input) {
		return func(in *verify.Input) {
			db := in.Restored.DB.(database)
			db.inventory = append(append([]engine.Object{}, db.inventory[:n]...), db.inventory[n+1:]...)
			in.Restored.DB = db
		}
	}
	tests{
		{"an index is missing", check.Inventory{}, without(2), []string{"failed objects_missing index public.orders_pkey"}},
		{"a table is missing that the census reports", check.Inventory{}, without(0), nil},
		{"a table is missing that was not counted", check.Inventory{}, func(in *verify.Input) {
			without(0)(in)
			in.Received.Census = engine.Census{}
		}, []string{"failed tables_missing public.orders"}},
		{"more is there than promised", check.Inventory{}, func(in *verify.Input) { in.Received.Manifest.Objects = in.Received.Manifest.Objects[:1] }, nil},
		{"another kind of the same name", check.Inventory{}, func(in *verify.Input) { in.Received.Manifest.Objects[2].Kind = "view" },
			[]string{"failed objects_missing view public.orders_pkey"}},
		{"nothing is promised", check.Inventory{}, func(in *verify.Input) { in.Received.Manifest.Objects = nil }, nil},
		{"no answer", check.Inventory{}, func(in *verify.Input) { in.Restored.DB = database{err: errIO} },
			[]string{"error: list restored objects: connection is gone"}},
		{"no database", check.Inventory{}, func(in *verify.Input) { in.Restored.DB = nil }, []string{"error: there is no restored database to ask"}},
	}.run(t)
}

func TestSoundness(t *testing.T) {
	found := func(kind engine.FindingKind) func(in *verify.Input) {
		return func(in *verify.Input) {
			in.Soundness.Findings = []engine.Finding{{Kind: kind, Subject: "s", Observed: "1", Expected: "2"}}
		}
	}
	unexamined := func(in *verify.Input) { in.Soundness = nil }
	tests{
		{"a bad index", check.Integrity{}, found(engine.IndexCorrupt), []string{"failed index_corrupt s"}},
		{"a bad table", check.Integrity{}, found(engine.TableCorrupt), []string{"failed table_corrupt s"}},
		{"a violated constraint", check.Integrity{}, found(engine.ConstraintViolated), []string{"failed constraint_violated s"}},
		{"another collation", check.Integrity{}, found(engine.CollationMismatch), []string{"warned collation_mismatch s"}},
		{"damage of a new kind", check.Integrity{}, found("bit_rot"), []string{"failed table_corrupt s"}},
		{"a sequence is no damage", check.Integrity{}, found(engine.SequenceBehind), nil},
		{"a sequence is behind", check.Sequences{}, found(engine.SequenceBehind), []string{"warned sequence_behind s"}},
		{"damage is no sequence", check.Sequences{}, found(engine.IndexCorrupt), nil},
		{"sequences that were left out", check.Sequences{}, func(in *verify.Input) {
			in.Soundness.Skipped = []engine.Skipped{{Subject: "sequence s", Reason: "not readable"}}
		}, nil},
		{"nobody looked for damage", check.Integrity{}, unexamined, []string{"error: the restored database was not examined for damage"}},
		{"nobody looked at sequences", check.Sequences{}, unexamined, []string{"error: the restored database was not examined for damage"}},
		{"nothing could be looked at", check.Integrity{}, func(in *verify.Input) { in.Soundness = &engine.Soundness{} },
			[]string{"error: the restored database was not examined for damage"}},
	}.run(t)
}

func TestDrift(t *testing.T) {
	now := func(rows int64, before ...int64) func(in *verify.Input) {
		return func(in *verify.Input) {
			in.Measured[0].Rows, in.Measured[0].Tree = rows, rows
			for i, n := range before {
				p := past(i + 1)
				p.Tables["public.orders"] = n
				in.Baseline.Drills = append(in.Baseline.Drills, p)
			}
		}
	}
	numbered := func(before, after int) func(in *verify.Input) {
		return func(in *verify.Input) {
			now(2000, 2000)(in)
			for i := range before {
				name := fmt.Sprintf("tenant_%d", i+1)
				in.Baseline.Drills[0].Tables["public."+name] = 5000
				if i >= before-after {
					in.Measured = append(in.Measured, engine.Measured{Table: engine.Table{Schema: "public", Name: name}, Rows: 5000, Tree: 5000})
				}
			}
		}
	}
	tests{
		{"no history", check.Drift{}, now(0), nil},
		{"no history and nothing measured", check.Drift{}, func(in *verify.Input) { in.Measured = nil }, nil},
		{"emptied", check.Drift{}, now(0, 100), []string{"failed rows_dropped public.orders"}},
		{"emptied from few", check.Drift{}, now(0, 99), []string{"warned rows_dropped public.orders"}},
		{"emptied from the fewest that count", check.Drift{}, now(0, 10), []string{"warned rows_dropped public.orders"}},
		{"emptied from next to nothing", check.Drift{}, now(0, 9), nil},
		{"emptied, as it was before", check.Drift{}, now(0, 5000, 4000, 0), nil},
		{"half", check.Drift{}, now(50, 100), nil},
		{"less than half", check.Drift{}, now(49, 100), []string{"warned rows_dropped public.orders"}},
		{"less than half of few", check.Drift{}, now(1, 99), nil},
		{"less than half, but more than once before", check.Drift{}, now(40, 100, 30), nil},
		{"less than half of a growing table", check.Drift{}, now(5, 1000, 800, 600), []string{"warned rows_dropped public.orders"}},
		{"grown", check.Drift{}, now(5000, 100), nil},
		{"a table is gone", check.Drift{}, func(in *verify.Input) {
			now(2000, 2000)(in)
			in.Measured = in.Measured[:1]
		}, []string{"warned schema_changed public.users"}},
		{"a table could not be counted", check.Drift{}, func(in *verify.Input) {
			now(2000, 2000)(in)
			in.Measured[0] = engine.Measured{Table: orders, Err: errIO}
		}, nil},
		{"the partition of another day", check.Drift{}, func(in *verify.Input) {
			now(2000, 2000)(in)
			in.Baseline.Drills[0].Tables["public.events_20260501"] = 5000
			in.Measured = append(in.Measured, engine.Measured{Table: engine.Table{Schema: "public", Name: "events_20260602"}})
		}, nil},
		{"one of several partitions is dropped", check.Drift{}, numbered(4, 3), nil},
		{"all but one of the numbered tables are gone", check.Drift{}, numbered(4, 1),
			[]string{"warned schema_changed public.tenant_1", "warned schema_changed public.tenant_2", "warned schema_changed public.tenant_3"}},
		{"another table with a date in its name", check.Drift{}, func(in *verify.Input) {
			now(2000, 2000)(in)
			in.Baseline.Drills[0].Tables["public.visits_20260501"] = 5000
			in.Measured = append(in.Measured, engine.Measured{Table: engine.Table{Schema: "public", Name: "events_20260602"}})
		}, []string{"warned schema_changed public.visits_20260501"}},
		{"a partitioned parent, recorded with its tree", check.Drift{}, func(in *verify.Input) {
			now(2000, 2000)(in)
			in.Measured[0].Rows = 0
		}, nil},
		{"nothing was measured", check.Drift{}, func(in *verify.Input) {
			now(2000, 2000)(in)
			in.Measured = nil
		}, []string{"error: the restored tables were not counted"}},
	}.run(t)
}
