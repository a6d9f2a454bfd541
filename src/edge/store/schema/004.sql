-- Mails that a person moved: what modori had made of them, and where they lie now. One row a mail, the last move.
CREATE TABLE correction (
    message         INTEGER NOT NULL PRIMARY KEY REFERENCES message (id),
    account         TEXT    NOT NULL,
    from_folder     TEXT    NOT NULL,  -- where modori had put or left it
    to_folder       TEXT    NOT NULL,
    uid_validity    INTEGER NOT NULL,  -- of the place in to_folder
    uid             INTEGER NOT NULL,
    category        TEXT    NOT NULL,  -- what modori took it for
    quarantined     INTEGER NOT NULL,  -- 1: modori had put it into quarantine
    message_id      TEXT,
    at              INTEGER NOT NULL,  -- when the move was noticed
    sure            INTEGER NOT NULL   -- 0: whether it left its old place was not looked at yet; it may be a copy
) STRICT;

-- How far each folder was looked through for such mails.
CREATE TABLE folder_look (
    account         TEXT    NOT NULL,
    mailbox         TEXT    NOT NULL,
    uid_validity    INTEGER NOT NULL,
    next_uid        INTEGER NOT NULL,
    PRIMARY KEY (account, mailbox)
) STRICT, WITHOUT ROWID;
