-- From which folder a filing took its message: what `modori history` shows and `modori undo` goes back to.
ALTER TABLE outbox ADD COLUMN origin TEXT;

-- What was thought of a message before a back-test filed it anew, so that undoing brings that back, too.
CREATE TABLE redecided (
    outbox          INTEGER NOT NULL PRIMARY KEY REFERENCES outbox (id),
    category        TEXT    NOT NULL,
    verdict         TEXT    NOT NULL  -- JSON
) STRICT;
