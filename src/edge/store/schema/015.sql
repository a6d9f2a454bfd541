-- What was wished for a message is asked for at every arrival.
CREATE INDEX outbox_of_message ON outbox (message) WHERE message IS NOT NULL;

-- The very same mail may lie in several accounts, and be moved in one of them.
CREATE TABLE correction_by_account (
    message         INTEGER NOT NULL REFERENCES message (id),
    account         TEXT    NOT NULL,
    from_folder     TEXT    NOT NULL,  -- where modori had put or left it
    to_folder       TEXT    NOT NULL,
    uid_validity    INTEGER NOT NULL,  -- of the place in to_folder
    uid             INTEGER NOT NULL,
    category        TEXT    NOT NULL,  -- what modori took it for
    quarantined     INTEGER NOT NULL,  -- 1: modori had put it into quarantine
    message_id      TEXT,
    at              INTEGER NOT NULL,  -- when the move was noticed
    sure            INTEGER NOT NULL,  -- 0: whether it left its old place was not looked at yet; it may be a copy
    PRIMARY KEY (message, account)
) STRICT;
INSERT INTO correction_by_account (message, account, from_folder, to_folder, uid_validity, uid, category, quarantined,
                                   message_id, at, sure)
SELECT message, account, from_folder, to_folder, uid_validity, uid, category, quarantined, message_id, at, sure
FROM correction;
DROP TABLE correction;
ALTER TABLE correction_by_account RENAME TO correction;
