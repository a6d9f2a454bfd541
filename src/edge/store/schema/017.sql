-- How far files of old mail have been read, by `modori import`.
CREATE TABLE past_file (
    path        BLOB    NOT NULL PRIMARY KEY,  -- absolute, as the system has it
    how         INTEGER NOT NULL,              -- by which rules and whose word: another way of reading begins anew
    size        INTEGER NOT NULL,
    changed_ns  INTEGER NOT NULL,
    at          INTEGER NOT NULL,              -- where the next message begins
    line        INTEGER NOT NULL,
    messages    INTEGER NOT NULL,
    whole       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The mails that were read from files or folders, so that a copy of one is not read again.
CREATE TABLE past_mail (
    mail_key    BLOB    NOT NULL PRIMARY KEY,
    how         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How far folders of an account have been read, by `modori import --mailbox`.
CREATE TABLE past_mailbox (
    account       TEXT    NOT NULL,
    mailbox       TEXT    NOT NULL,
    how           INTEGER NOT NULL,
    uid_validity  INTEGER NOT NULL,
    next_uid      INTEGER NOT NULL,  -- everything below it was read
    since         INTEGER,           -- ... that was received from then on
    PRIMARY KEY (account, mailbox)
) STRICT, WITHOUT ROWID;

-- The secret part of the calendar feed's address.
CREATE TABLE feed (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    secret  BLOB    NOT NULL
) STRICT;
