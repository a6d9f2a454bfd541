-- What tokens are made with: random, made once.
CREATE TABLE token_key (
    id              INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    key             BLOB    NOT NULL CHECK (length(key) = 32)
) STRICT;

-- Alerts that are repeated until the shopper says that she has seen them. All instants in milliseconds.
CREATE TABLE awaiting (
    told            TEXT    NOT NULL PRIMARY KEY,  -- as in the outbox; its repetitions are told#2, told#3 …
    token           TEXT    NOT NULL UNIQUE,       -- names it in an acknowledgement
    message         INTEGER REFERENCES message (id),
    alert           TEXT    NOT NULL,              -- JSON
    since           INTEGER NOT NULL,
    until           INTEGER NOT NULL,              -- nothing is repeated after
    next_at         INTEGER NOT NULL,              -- the next repetition
    repeats         INTEGER NOT NULL DEFAULT 0,
    acknowledged_at INTEGER,
    acknowledged_by TEXT,                          -- opened, moved, channel:NAME, command, button
    withdrawn_at    INTEGER,                       -- the other channels were told of the acknowledgement
    -- where its mail was read last, and whether it was read there, and ever without \Seen
    account         TEXT,
    mailbox         TEXT,
    uid_validity    INTEGER,
    uid             INTEGER,
    read            INTEGER NOT NULL DEFAULT 0,
    unseen          INTEGER NOT NULL DEFAULT 0,
    sought_at       INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX awaiting_open ON awaiting (next_at) WHERE acknowledged_at IS NULL;
CREATE INDEX awaiting_withdraw ON awaiting (acknowledged_at) WHERE acknowledged_at IS NOT NULL AND withdrawn_at IS NULL;

-- What a channel gave back for an alert that waits: with it the channel can be asked whether it was acknowledged.
CREATE TABLE receipt (
    outbox          INTEGER NOT NULL PRIMARY KEY REFERENCES outbox (id),
    receipt         TEXT    NOT NULL
) STRICT;

-- Why the page with the button cannot be reached, if it cannot.
ALTER TABLE watch ADD COLUMN web_trouble TEXT;
