-- +goose Up
-- The queue, the schedules, the standings and the outbox join the record. Times are
-- nanoseconds since 1970 in UTC throughout; lease_until alone is of the database's clock.

DROP INDEX drills_one_running;
DROP INDEX drills_by_start;
DROP INDEX drills_by_target;
ALTER TABLE drills RENAME TO drills_before;

-- Reports lie beside the drills, so that lists and strips read little.
CREATE TABLE reports (
    drill  TEXT PRIMARY KEY,
    report TEXT NOT NULL,
    tables TEXT -- what charts show of it; those of the first form lack it
) STRICT;

CREATE TABLE drills (
    id            TEXT PRIMARY KEY,
    target        TEXT NOT NULL,
    cause         TEXT NOT NULL,
    priority      INTEGER NOT NULL,
    asked         INTEGER NOT NULL,
    asked_by      TEXT NOT NULL DEFAULT '',
    scheduled_for INTEGER,
    not_before    INTEGER,
    up_at         INTEGER NOT NULL, -- not_before, else asked: its place in the queue
    backup        TEXT NOT NULL DEFAULT '',
    appeared      TEXT NOT NULL DEFAULT '',
    follows       TEXT NOT NULL DEFAULT '',
    attempt       INTEGER NOT NULL DEFAULT 1,
    state         TEXT NOT NULL CHECK (state IN ('queued', 'running', 'finished', 'interrupted', 'cancelled')),
    verdict       TEXT NOT NULL DEFAULT 'unknown',
    summary       TEXT NOT NULL DEFAULT '',
    object_key    TEXT NOT NULL DEFAULT '',
    sha256        TEXT NOT NULL DEFAULT '',
    bytes         INTEGER NOT NULL DEFAULT 0,
    made_at       INTEGER,
    rows          INTEGER NOT NULL DEFAULT 0,
    restore       INTEGER NOT NULL DEFAULT 0,
    started       INTEGER,
    finished      INTEGER,
    why           TEXT NOT NULL DEFAULT '',
    waits_since   INTEGER,
    progress      TEXT NOT NULL DEFAULT '',
    cancel_by     TEXT NOT NULL DEFAULT '',
    owner         TEXT NOT NULL DEFAULT '',
    lease_until   INTEGER,
    token         INTEGER NOT NULL DEFAULT 0,
    job           INTEGER, -- the last one that delivers it
    CHECK (state NOT IN ('running', 'finished', 'interrupted') OR started IS NOT NULL),
    CHECK ((state IN ('queued', 'running')) = (finished IS NULL))
) STRICT;

INSERT INTO drills (id, target, cause, priority, asked, up_at, state, verdict, summary, object_key, sha256, bytes, made_at,
        rows, restore, started, finished, owner, lease_until, token)
    SELECT id, target, 'manual', 1, started, started, state, verdict, summary, object_key,
        coalesce(json_extract(report, '$.artifact.sha256'), ''), bytes, made_at, rows,
        CASE WHEN json_extract(report, '$.restore') IS NULL THEN 0 ELSE coalesce(
            (SELECT CAST(round(1e9 * (json_extract(value, '$.start') + json_extract(value, '$.seconds'))) AS INTEGER)
                FROM json_each(report, '$.phases') WHERE json_extract(value, '$.name') = 'restore' LIMIT 1)
            - (SELECT CAST(round(1e9 * json_extract(value, '$.start')) AS INTEGER)
                FROM json_each(report, '$.phases') WHERE json_extract(value, '$.name') = 'fetch' LIMIT 1), 0) END,
        started, finished, instance, CASE WHEN state = 'running' THEN 0 END, 1
    FROM drills_before;
INSERT INTO reports (drill, report) SELECT id, report FROM drills_before WHERE report IS NOT NULL;
DROP TABLE drills_before;

CREATE UNIQUE INDEX drills_one_running ON drills (target) WHERE state = 'running';
CREATE UNIQUE INDEX drills_one_for_each_time ON drills (target, scheduled_for) WHERE scheduled_for IS NOT NULL;
CREATE UNIQUE INDEX drills_one_for_each_backup ON drills (target, appeared) WHERE appeared <> '';
CREATE INDEX drills_queued ON drills (priority, up_at, id) WHERE state = 'queued';
CREATE INDEX drills_queued_of ON drills (target) WHERE state = 'queued';
CREATE INDEX drills_by_start ON drills (started DESC, id DESC);
CREATE INDEX drills_by_target ON drills (target, started DESC, id DESC, state, verdict);
CREATE INDEX drills_by_verdict ON drills (verdict, started DESC, id DESC, state);
CREATE INDEX drills_by_state ON drills (state, started DESC, id DESC);
-- Holds all of a strip's marks, so that a page of strips reads nothing else.
CREATE INDEX drills_ended ON drills (target, finished DESC, id DESC, state, verdict, restore, summary)
    WHERE state IN ('finished', 'interrupted');

-- How each target stands, kept in the transactions that change it.
CREATE TABLE targets (
    name          TEXT PRIMARY KEY,
    since         INTEGER,
    planned       INTEGER,
    retired       INTEGER,
    spec          TEXT NOT NULL DEFAULT '',
    next_at       INTEGER,
    last_drill    TEXT NOT NULL DEFAULT '',
    last_verdict  TEXT NOT NULL DEFAULT 'unknown',
    last_finished INTEGER,
    verdict_at    INTEGER,
    good_drill    TEXT NOT NULL DEFAULT '',
    good_key      TEXT NOT NULL DEFAULT '',
    good_made_at  INTEGER,
    good_at       INTEGER,
    newest_key    TEXT NOT NULL DEFAULT '',
    newest_at     INTEGER,
    alerts        TEXT NOT NULL DEFAULT '{}',
    problems      INTEGER NOT NULL DEFAULT 0, -- open ones
    urgency       INTEGER NOT NULL DEFAULT 2  -- 0 needs a person most
) STRICT;

CREATE INDEX targets_by_urgency ON targets (urgency, name) WHERE retired IS NULL;
CREATE INDEX targets_due ON targets (next_at, name) WHERE retired IS NULL AND next_at IS NOT NULL;
-- With retired in it the index answers by itself, although that is always NULL there.
CREATE INDEX targets_counted ON targets (last_verdict, problems, retired) WHERE retired IS NULL;

INSERT INTO targets (name) SELECT DISTINCT target FROM drills;
UPDATE targets SET (last_drill, last_verdict, last_finished) =
    (SELECT id, verdict, finished FROM drills WHERE target = targets.name AND state IN ('finished', 'interrupted')
        ORDER BY finished DESC, id DESC LIMIT 1)
    WHERE name IN (SELECT target FROM drills WHERE state IN ('finished', 'interrupted'));
UPDATE targets SET verdict_at = (SELECT max(finished) FROM drills WHERE target = targets.name
    AND state IN ('finished', 'interrupted') AND verdict IN ('passed', 'warned', 'failed'));
UPDATE targets SET (good_drill, good_key, good_made_at, good_at) =
    (SELECT id, object_key, made_at, finished FROM drills WHERE target = targets.name AND state IN ('finished', 'interrupted')
        AND verdict IN ('passed', 'warned') ORDER BY finished DESC, id DESC LIMIT 1)
    WHERE name IN (SELECT target FROM drills WHERE state = 'finished' AND verdict IN ('passed', 'warned'));
UPDATE targets SET (newest_key, newest_at) =
    (SELECT object_key, made_at FROM drills WHERE target = targets.name AND state IN ('finished', 'interrupted')
        AND object_key <> '' ORDER BY finished DESC, id DESC LIMIT 1)
    WHERE name IN (SELECT target FROM drills WHERE state IN ('finished', 'interrupted') AND object_key <> '');
UPDATE targets SET urgency =
    CASE last_verdict WHEN 'failed' THEN 0 WHEN 'errored' THEN 1 WHEN 'warned' THEN 4 WHEN 'passed' THEN 5 ELSE 2 END;

CREATE TABLE alerts (
    id      TEXT PRIMARY KEY,
    problem TEXT NOT NULL,
    target  TEXT NOT NULL,
    at      INTEGER NOT NULL,
    alert   TEXT NOT NULL, -- without its report
    report  TEXT           -- of the drill it follows from
) STRICT;

CREATE TABLE deliveries (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    alert       TEXT NOT NULL REFERENCES alerts (id),
    notifier    TEXT NOT NULL,
    problem     TEXT NOT NULL,
    target      TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'given-up', 'suppressed')),
    attempts    INTEGER NOT NULL DEFAULT 0,
    not_before  INTEGER,
    created     INTEGER NOT NULL,
    ended       INTEGER,
    why         TEXT NOT NULL DEFAULT '',
    again       INTEGER NOT NULL DEFAULT 0,
    owner       TEXT NOT NULL DEFAULT '',
    lease_until INTEGER,
    token       INTEGER NOT NULL DEFAULT 0,
    UNIQUE (alert, notifier)
) STRICT;

CREATE INDEX deliveries_pending ON deliveries (problem, notifier, id) WHERE state = 'pending';
CREATE INDEX deliveries_by_target ON deliveries (target, id);
CREATE INDEX deliveries_by_state ON deliveries (state, id);
CREATE INDEX deliveries_counted ON deliveries (notifier, state, created);

CREATE TABLE threads (
    problem  TEXT NOT NULL,
    notifier TEXT NOT NULL,
    thread   TEXT NOT NULL,
    PRIMARY KEY (problem, notifier)
) STRICT;

CREATE TABLE moments (
    name TEXT PRIMARY KEY,
    at   INTEGER
) STRICT;

CREATE TABLE texts (
    name TEXT PRIMARY KEY,
    text TEXT NOT NULL
) STRICT;

CREATE TABLE tokens (
    name    TEXT PRIMARY KEY,
    role    TEXT NOT NULL,
    hash    TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    used    INTEGER
) STRICT;

CREATE TABLE sessions (
    hash    TEXT PRIMARY KEY,
    token   TEXT NOT NULL REFERENCES tokens (name) ON DELETE CASCADE,
    role    TEXT NOT NULL,
    csrf    TEXT NOT NULL,
    expires INTEGER NOT NULL
) STRICT;

CREATE INDEX sessions_by_token ON sessions (token);
CREATE INDEX sessions_by_end ON sessions (expires);

-- +goose Down
DROP TABLE sessions;
DROP TABLE tokens;
DROP TABLE texts;
DROP TABLE moments;
DROP TABLE threads;
DROP TABLE deliveries;
DROP TABLE alerts;
DROP TABLE targets;
ALTER TABLE drills RENAME TO drills_after;
DROP INDEX drills_one_running;
DROP INDEX drills_by_start;
DROP INDEX drills_by_target;
CREATE TABLE drills (
    id         TEXT PRIMARY KEY,
    target     TEXT NOT NULL,
    instance   TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('running', 'finished', 'interrupted')),
    verdict    TEXT NOT NULL,
    summary    TEXT NOT NULL DEFAULT '',
    object_key TEXT NOT NULL DEFAULT '',
    bytes      INTEGER NOT NULL DEFAULT 0,
    made_at    INTEGER,
    rows       INTEGER NOT NULL DEFAULT 0,
    started    INTEGER NOT NULL,
    finished   INTEGER,
    report     TEXT,
    CHECK ((state = 'running') = (report IS NULL)),
    CHECK ((state = 'running') = (finished IS NULL))
) STRICT;
INSERT INTO drills
    SELECT id, target, owner, state, verdict, summary, object_key, bytes, made_at, rows, started, finished, report
    FROM drills_after LEFT JOIN reports ON drill = id WHERE state IN ('running', 'finished', 'interrupted');
DROP TABLE drills_after;
DROP TABLE reports;
CREATE UNIQUE INDEX drills_one_running ON drills (target) WHERE state = 'running';
CREATE INDEX drills_by_start ON drills (started DESC);
CREATE INDEX drills_by_target ON drills (target, started DESC);
