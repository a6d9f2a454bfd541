-- How each watched mailbox is reached, and when its server last proved to be alive. One row a mailbox.
CREATE TABLE life (
    account         TEXT    NOT NULL,
    mailbox         TEXT    NOT NULL,
    reach           TEXT    NOT NULL,            -- connecting, catching-up, watching, waiting, refused
    means           TEXT,                        -- notify, idle, poll: what tells of new mail
    since           INTEGER NOT NULL,            -- milliseconds, as all instants here: it is reached like this since
    good_at         INTEGER,                     -- the server had answered, and would have told of anything new
    blind_since     INTEGER,                     -- nothing that came since then was seen; NULL: it is seen
    awake_since     INTEGER NOT NULL,            -- the program runs, and the machine is awake, since
    failures        INTEGER NOT NULL DEFAULT 0,  -- attempts that failed since mail was last looked for to the end
    not_before      INTEGER,                     -- not to be tried again before
    trouble         TEXT,                        -- the last one, for people
    login           TEXT    NOT NULL,            -- changes with the settings of the login; holds nothing of the secret
    told            TEXT    NOT NULL,            -- JSON: what the shopper was told of this blindness
    kept_at         INTEGER NOT NULL,            -- when this row was written
    ask_again       INTEGER NOT NULL DEFAULT 0,  -- 1: the login was found to work: wait no longer
    PRIMARY KEY (account, mailbox)
) STRICT, WITHOUT ROWID;

-- The watch that runs, or ran last.
CREATE TABLE watch (
    id              INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    pid             INTEGER NOT NULL,
    version         TEXT    NOT NULL,
    began_at        INTEGER NOT NULL,
    rules           TEXT    NOT NULL,            -- which rules are in use
    rules_at        INTEGER NOT NULL,            -- since when
    rules_trouble   TEXT                         -- why those saved last are not in use
) STRICT;
