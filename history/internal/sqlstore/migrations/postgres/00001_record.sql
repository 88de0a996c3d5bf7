-- +goose Up
-- Times are nanoseconds since 1970 in UTC throughout; lease_until alone is of the
-- database's clock. Texts are compared byte by byte, whatever the database's own order.

CREATE TABLE installation (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    id  TEXT COLLATE "C" NOT NULL
);

-- Reports lie beside the drills, so that lists and strips read little.
CREATE TABLE reports (
    drill  TEXT COLLATE "C" PRIMARY KEY,
    report TEXT COLLATE "C" NOT NULL,
    tables TEXT COLLATE "C" -- what charts show of it
);

CREATE TABLE drills (
    id            TEXT COLLATE "C" PRIMARY KEY,
    target        TEXT COLLATE "C" NOT NULL,
    cause         TEXT COLLATE "C" NOT NULL,
    priority      BIGINT NOT NULL,
    asked         BIGINT NOT NULL,
    asked_by      TEXT COLLATE "C" NOT NULL DEFAULT '',
    scheduled_for BIGINT,
    not_before    BIGINT,
    up_at         BIGINT NOT NULL, -- not_before, else asked: its place in the queue
    backup        TEXT COLLATE "C" NOT NULL DEFAULT '',
    appeared      TEXT COLLATE "C" NOT NULL DEFAULT '',
    follows       TEXT COLLATE "C" NOT NULL DEFAULT '',
    attempt       BIGINT NOT NULL DEFAULT 1,
    state         TEXT COLLATE "C" NOT NULL CHECK (state IN ('queued', 'running', 'finished', 'interrupted', 'cancelled')),
    verdict       TEXT COLLATE "C" NOT NULL DEFAULT 'unknown',
    summary       TEXT COLLATE "C" NOT NULL DEFAULT '',
    object_key    TEXT COLLATE "C" NOT NULL DEFAULT '',
    sha256        TEXT COLLATE "C" NOT NULL DEFAULT '',
    bytes         BIGINT NOT NULL DEFAULT 0,
    made_at       BIGINT,
    rows          BIGINT NOT NULL DEFAULT 0,
    restore       BIGINT NOT NULL DEFAULT 0,
    started       BIGINT,
    finished      BIGINT,
    why           TEXT COLLATE "C" NOT NULL DEFAULT '',
    waits_since   BIGINT,
    progress      TEXT COLLATE "C" NOT NULL DEFAULT '',
    cancel_by     TEXT COLLATE "C" NOT NULL DEFAULT '',
    owner         TEXT COLLATE "C" NOT NULL DEFAULT '',
    lease_until   BIGINT,
    token         BIGINT NOT NULL DEFAULT 0,
    job           BIGINT, -- the last one that delivers it
    CHECK (state NOT IN ('running', 'finished', 'interrupted') OR started IS NOT NULL),
    CHECK ((state IN ('queued', 'running')) = (finished IS NULL))
);

CREATE UNIQUE INDEX drills_one_running ON drills (target) WHERE state = 'running';
CREATE UNIQUE INDEX drills_one_for_each_time ON drills (target, scheduled_for) WHERE scheduled_for IS NOT NULL;
CREATE UNIQUE INDEX drills_one_for_each_backup ON drills (target, appeared) WHERE appeared <> '';
CREATE INDEX drills_queued ON drills (priority, up_at, id) WHERE state = 'queued';
CREATE INDEX drills_queued_of ON drills (target) WHERE state = 'queued';
CREATE INDEX drills_by_start ON drills (started DESC, id DESC);
CREATE INDEX drills_by_target ON drills (target, started DESC, id DESC, state, verdict);
CREATE INDEX drills_by_verdict ON drills (verdict, started DESC, id DESC, state);
CREATE INDEX drills_by_state ON drills (state, started DESC, id DESC);
CREATE INDEX drills_ended ON drills (target, finished DESC, id DESC)
    WHERE state IN ('finished', 'interrupted');

-- How each target stands, kept in the transactions that change it.
CREATE TABLE targets (
    name          TEXT COLLATE "C" PRIMARY KEY,
    since         BIGINT,
    planned       BIGINT,
    retired       BIGINT,
    spec          TEXT COLLATE "C" NOT NULL DEFAULT '',
    next_at       BIGINT,
    last_drill    TEXT COLLATE "C" NOT NULL DEFAULT '',
    last_verdict  TEXT COLLATE "C" NOT NULL DEFAULT 'unknown',
    last_finished BIGINT,
    verdict_at    BIGINT,
    good_drill    TEXT COLLATE "C" NOT NULL DEFAULT '',
    good_key      TEXT COLLATE "C" NOT NULL DEFAULT '',
    good_made_at  BIGINT,
    good_at       BIGINT,
    newest_key    TEXT COLLATE "C" NOT NULL DEFAULT '',
    newest_at     BIGINT,
    alerts        TEXT COLLATE "C" NOT NULL DEFAULT '{}',
    problems      BIGINT NOT NULL DEFAULT 0, -- open ones
    urgency       BIGINT NOT NULL DEFAULT 2  -- 0 needs a person most
);

CREATE INDEX targets_by_urgency ON targets (urgency, name) WHERE retired IS NULL;
CREATE INDEX targets_due ON targets (next_at, name) WHERE retired IS NULL AND next_at IS NOT NULL;
CREATE INDEX targets_counted ON targets (last_verdict, problems) WHERE retired IS NULL;

CREATE TABLE alerts (
    id      TEXT COLLATE "C" PRIMARY KEY,
    problem TEXT COLLATE "C" NOT NULL,
    target  TEXT COLLATE "C" NOT NULL,
    at      BIGINT NOT NULL,
    alert   TEXT COLLATE "C" NOT NULL, -- without its report
    report  TEXT COLLATE "C"           -- of the drill it follows from
);

CREATE TABLE deliveries (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert       TEXT COLLATE "C" NOT NULL REFERENCES alerts (id),
    notifier    TEXT COLLATE "C" NOT NULL,
    problem     TEXT COLLATE "C" NOT NULL,
    target      TEXT COLLATE "C" NOT NULL,
    state       TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending', 'sent', 'given-up', 'suppressed')),
    attempts    BIGINT NOT NULL DEFAULT 0,
    not_before  BIGINT,
    created     BIGINT NOT NULL,
    ended       BIGINT,
    why         TEXT COLLATE "C" NOT NULL DEFAULT '',
    again       BIGINT NOT NULL DEFAULT 0,
    owner       TEXT COLLATE "C" NOT NULL DEFAULT '',
    lease_until BIGINT,
    token       BIGINT NOT NULL DEFAULT 0,
    UNIQUE (alert, notifier)
);

CREATE INDEX deliveries_pending ON deliveries (problem, notifier, id) WHERE state = 'pending';
CREATE INDEX deliveries_by_target ON deliveries (target, id);
CREATE INDEX deliveries_by_state ON deliveries (state, id);
CREATE INDEX deliveries_counted ON deliveries (notifier, state, created);

CREATE TABLE threads (
    problem  TEXT COLLATE "C" NOT NULL,
    notifier TEXT COLLATE "C" NOT NULL,
    thread   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (problem, notifier)
);

CREATE TABLE moments (
    name TEXT COLLATE "C" PRIMARY KEY,
    at   BIGINT
);

CREATE TABLE texts (
    name TEXT COLLATE "C" PRIMARY KEY,
    text TEXT COLLATE "C" NOT NULL
);

CREATE TABLE tokens (
    name    TEXT COLLATE "C" PRIMARY KEY,
    role    TEXT COLLATE "C" NOT NULL,
    hash    TEXT COLLATE "C" NOT NULL UNIQUE,
    created BIGINT NOT NULL,
    used    BIGINT
);

CREATE TABLE sessions (
    hash    TEXT COLLATE "C" PRIMARY KEY,
    token   TEXT COLLATE "C" NOT NULL REFERENCES tokens (name) ON DELETE CASCADE,
    role    TEXT COLLATE "C" NOT NULL,
    csrf    TEXT COLLATE "C" NOT NULL,
    expires BIGINT NOT NULL
);

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
DROP TABLE drills;
DROP TABLE reports;
DROP TABLE installation;
