-- Alerts that are repeated until the shopper says that she has seen them. All instants in milliseconds.
CREATE TABLE awaiting (
    told            TEXT    NOT NULL PRIMARY KEY,  -- as in the outbox
    token           TEXT    NOT NULL UNIQUE,       -- names it in an acknowledgement
    message         INTEGER REFERENCES message (id),
    alert           TEXT    NOT NULL,              -- JSON
    since           INTEGER NOT NULL,
    until           INTEGER NOT NULL,              -- nothing is repeated after
    next_at         INTEGER NOT NULL,              -- the next repetition
    repeats         INTEGER NOT NULL DEFAULT 0,
    acknowledged_at INTEGER,
    acknowledged_by TEXT                           -- opened, ntfy, pushover, command, button
) STRICT, WITHOUT ROWID;
CREATE INDEX awaiting_open ON awaiting (next_at) WHERE acknowledged_at IS NULL;

-- What a channel gave back for an alert that waits: with it the channel can be asked whether it was acknowledged.
CREATE TABLE receipt (
    outbox          INTEGER NOT NULL PRIMARY KEY REFERENCES outbox (id),
    receipt         TEXT    NOT NULL
) STRICT;
