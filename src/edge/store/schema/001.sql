-- Where each watched mailbox was read up to. Moves only after the server said OK to the whole fetch.
CREATE TABLE cursor (
    account         TEXT    NOT NULL,
    mailbox         TEXT    NOT NULL,
    uid_validity    INTEGER NOT NULL,
    next_uid        INTEGER NOT NULL,
    first_opened_at INTEGER NOT NULL,  -- seconds since 1970, as all instants here
    last_good_at    INTEGER NOT NULL,
    PRIMARY KEY (account, mailbox)
) STRICT, WITHOUT ROWID;

-- Each message once, whatever place it lies at. Of mail in `other` nothing but key and verdict is kept.
CREATE TABLE message (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    mail_key        TEXT    NOT NULL UNIQUE,
    received_at     INTEGER NOT NULL,
    seen_at         INTEGER NOT NULL,
    size            INTEGER NOT NULL,
    category        TEXT    NOT NULL,
    verdict         TEXT    NOT NULL,  -- JSON; reasons are left out for `other`
    message_id      TEXT,              -- not kept for `other`
    poison          TEXT               -- the step that failed on it
) STRICT;

-- Where a message lies or lay.
CREATE TABLE place (
    account         TEXT    NOT NULL,
    mailbox         TEXT    NOT NULL,
    uid_validity    INTEGER NOT NULL,
    uid             INTEGER NOT NULL,
    message         INTEGER NOT NULL REFERENCES message (id),
    seen_first      INTEGER NOT NULL,            -- places of one message in the order they were seen
    gone            INTEGER NOT NULL DEFAULT 0,  -- 1: it lay there and was moved away
    PRIMARY KEY (account, mailbox, uid_validity, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX place_of_message ON place (message);

-- Append only. One row for each thing a mail claims; two copies of one mail claim it once.
CREATE TABLE event (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    order_number    TEXT,
    mail_key        TEXT    NOT NULL,
    at              INTEGER NOT NULL,
    body            TEXT    NOT NULL,  -- JSON
    cancels         INTEGER NOT NULL,  -- 1: it says that the order is cancelled
    UNIQUE (mail_key, body)
) STRICT;
CREATE INDEX event_of_order ON event (order_number, cancels);

-- What the shopper says. Append only.
CREATE TABLE statement (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    order_number    TEXT    NOT NULL,
    at              INTEGER NOT NULL,
    body            TEXT    NOT NULL,  -- JSON
    said_at         INTEGER NOT NULL
) STRICT;

-- Effects: one thing to do in the world each.
CREATE TABLE outbox (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    wish_key        TEXT    NOT NULL UNIQUE,
    kind            TEXT    NOT NULL CHECK (kind IN ('alert', 'file')),
    lane            TEXT    NOT NULL,  -- channel of an alert; account of a filing
    message         INTEGER REFERENCES message (id),
    payload         TEXT    NOT NULL,  -- JSON of the effect
    state           TEXT    NOT NULL CHECK (state IN ('ready', 'doing', 'done', 'dropped', 'failed', 'unknown')),
    due             INTEGER NOT NULL,  -- milliseconds
    until           INTEGER,           -- milliseconds
    attempts        INTEGER NOT NULL DEFAULT 0,
    last_error      TEXT,
    doing           TEXT,              -- JSON: what recovery needs to know about an attempt that was cut off
    wished_at       INTEGER NOT NULL,  -- milliseconds
    closed_at       INTEGER            -- milliseconds
) STRICT;
CREATE INDEX outbox_open ON outbox (state, due) WHERE state IN ('ready', 'doing');

-- A row waits until these wishes are closed (a restock mail is filed after its alert has left).
CREATE TABLE outbox_after (
    outbox          INTEGER NOT NULL REFERENCES outbox (id),
    wish_key        TEXT    NOT NULL,
    PRIMARY KEY (outbox, wish_key)
) STRICT, WITHOUT ROWID;

-- What was alerted lately, so that one event is one alert.
CREATE TABLE alerted (
    dedupe_key      TEXT    NOT NULL PRIMARY KEY,
    until           INTEGER NOT NULL,
    mail_key        TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- Message-IDs of mail that modori sent, written before sending.
CREATE TABLE letter_sent (
    message_id      TEXT    NOT NULL PRIMARY KEY,
    at              INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How long each alert took: milliseconds since 1970.
CREATE TABLE latency (
    outbox          INTEGER NOT NULL PRIMARY KEY REFERENCES outbox (id),
    received_at     INTEGER,
    seen_at         INTEGER NOT NULL,
    left_at         INTEGER NOT NULL,
    accepted_at     INTEGER NOT NULL
) STRICT;
