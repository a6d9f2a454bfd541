-- What kinds of effects there are is the program's business: the outbox is made anew without that check.
CREATE TABLE outbox_new (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    wish_key        TEXT    NOT NULL UNIQUE,
    kind            TEXT    NOT NULL,  -- alert, file, flag
    lane            TEXT    NOT NULL,  -- channel of an alert; account of the others
    message         INTEGER REFERENCES message (id),
    payload         TEXT    NOT NULL,  -- JSON of the effect
    state           TEXT    NOT NULL CHECK (state IN ('ready', 'doing', 'done', 'dropped', 'failed', 'unknown')),
    due             INTEGER NOT NULL,  -- milliseconds
    until           INTEGER,           -- milliseconds
    attempts        INTEGER NOT NULL DEFAULT 0,
    last_error      TEXT,
    doing           TEXT,              -- JSON: what recovery needs to know about an attempt that was cut off
    wished_at       INTEGER NOT NULL,  -- milliseconds
    closed_at       INTEGER,           -- milliseconds
    origin          TEXT               -- from which folder a filing took its message
) STRICT;
INSERT INTO outbox_new (id, wish_key, kind, lane, message, payload, state, due, until, attempts, last_error, doing,
                        wished_at, closed_at, origin)
    SELECT id, wish_key, kind, lane, message, payload, state, due, until, attempts, last_error, doing,
           wished_at, closed_at, origin FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_new RENAME TO outbox;
CREATE INDEX outbox_open ON outbox (state, due) WHERE state IN ('ready', 'doing');

-- 1: its mail was read anew and says something else now. Kept, and not counted.
ALTER TABLE event ADD COLUMN retired INTEGER NOT NULL DEFAULT 0;
CREATE INDEX event_without_order ON event (at) WHERE order_number IS NULL AND retired = 0;
-- The end of a coupon that a mail tells of, so that those that end soon are found.
ALTER TABLE event ADD COLUMN coupon_ends_at INTEGER;
UPDATE event SET coupon_ends_at = unixepoch(json_extract(body, '$.kind.expires_at'))
    WHERE json_valid(body) AND json_extract(body, '$.kind.what') = 'coupon';
CREATE INDEX event_of_coupon ON event (coupon_ends_at) WHERE coupon_ends_at IS NOT NULL AND retired = 0;
CREATE INDEX event_that_cancels ON event (at) WHERE cancels = 1 AND retired = 0;
CREATE INDEX statement_of_order ON statement (order_number);
CREATE INDEX statement_at ON statement (at);

-- The mail without an order number that a statement gives to an order, or takes from it.
ALTER TABLE statement ADD COLUMN mail_key TEXT;
CREATE INDEX statement_of_mail ON statement (mail_key) WHERE mail_key IS NOT NULL;

-- When each order must be looked at again. Derived from events and statements; `modori ledger rebuild` makes it anew.
CREATE TABLE agenda (
    order_number    TEXT    NOT NULL PRIMARY KEY,
    wake_at         INTEGER,           -- 0: something new is known of it; NULL: nothing will happen by itself
    cancelled_at    INTEGER            -- when its cancellation was first said; NULL: not cancelled, or not looked at yet
) STRICT, WITHOUT ROWID;
CREATE INDEX agenda_wake ON agenda (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX agenda_day ON agenda (substr(order_number, 8), order_number);  -- the day stands behind the shop's number
CREATE INDEX agenda_cancelled ON agenda (cancelled_at) WHERE cancelled_at IS NOT NULL;
INSERT INTO agenda (order_number, wake_at)
    SELECT order_number, 0 FROM event WHERE order_number IS NOT NULL
    UNION SELECT order_number, 0 FROM statement;

-- When modori last looked at its deadlines: what passed since then passed unseen.
CREATE TABLE pulse (
    id              INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    at              INTEGER NOT NULL
) STRICT;
