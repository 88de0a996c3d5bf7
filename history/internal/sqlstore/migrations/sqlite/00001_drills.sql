-- +goose Up
CREATE TABLE installation (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id  TEXT NOT NULL
) STRICT;

-- A drill's report is stored whole; the other columns repeat what lists and the
-- baseline are chosen by. Times are nanoseconds since 1970 in UTC.
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

CREATE UNIQUE INDEX drills_one_running ON drills (target) WHERE state = 'running';
CREATE INDEX drills_by_start ON drills (started DESC);
CREATE INDEX drills_by_target ON drills (target, started DESC);

-- +goose Down
DROP TABLE drills;
DROP TABLE installation;
