-- Mails that the shopper released from quarantine: read again, they count as unverified, not as suspect.
CREATE TABLE released (
    message         INTEGER NOT NULL PRIMARY KEY REFERENCES message (id),
    at              INTEGER NOT NULL
) STRICT;

-- Addresses that the shopper vouches for, lower case.
CREATE TABLE vouched (
    address         TEXT    NOT NULL PRIMARY KEY,
    at              INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
