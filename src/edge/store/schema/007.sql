-- The flag of each cancellation mail, as it stands now. One row a mail.
CREATE TABLE flagged (
    message         INTEGER NOT NULL PRIMARY KEY REFERENCES message (id),
    opening         INTEGER NOT NULL,            -- how often it was wished for: part of the wishes' keys
    wanted          INTEGER NOT NULL,            -- 1: an open case wants it
    own             INTEGER,                     -- 1: modori set it; 0: the shopper had set it before; NULL: not set (yet)
    account         TEXT,                        -- where the message was read last
    mailbox         TEXT,
    uid_validity    INTEGER,
    uid             INTEGER,
    seen_at         INTEGER,  -- milliseconds, as all instants here: \Flagged was read at that place after our own STORE
    missing_since   INTEGER,  -- the first look at that place that found it gone
    sought_at       INTEGER,  -- the message was not at its place, and not found elsewhere
    taken           INTEGER NOT NULL DEFAULT 0,  -- 1: two looks found it gone: the shopper took it off
    told_at         INTEGER                      -- when the ledger was told so
) STRICT;
CREATE INDEX flagged_watched ON flagged (account) WHERE wanted = 1 AND own = 1 AND taken = 0;
CREATE INDEX flagged_taken ON flagged (message) WHERE taken = 1 AND told_at IS NULL;
