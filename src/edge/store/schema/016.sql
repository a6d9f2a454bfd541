-- The dashboard: links that open it once, and browsers in which it is open. Of both only a digest is kept.
CREATE TABLE web_link (
    digest          BLOB    NOT NULL PRIMARY KEY,
    until           INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE web_session (
    digest          BLOB    NOT NULL PRIMARY KEY,
    began_at        INTEGER NOT NULL,
    seen_at         INTEGER NOT NULL,
    language        TEXT               -- NULL: as the configuration says
) STRICT, WITHOUT ROWID;
