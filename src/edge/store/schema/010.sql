-- Alerts that tell the same by several channels: the name of what is told, and the channel's turn (0: at once; 1, 2 …:
-- when none before took it).
ALTER TABLE outbox ADD COLUMN told TEXT;
ALTER TABLE outbox ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
CREATE INDEX outbox_told ON outbox (told) WHERE told IS NOT NULL;
CREATE INDEX outbox_lately ON outbox (wished_at) WHERE kind = 'alert';
CREATE INDEX outbox_held ON outbox (due) WHERE kind = 'held' AND state = 'ready';

-- How each channel fares, as long as it fares otherwise than well, and since when it does well. Written on change only.
-- All instants in milliseconds.
CREATE TABLE channel_health (
    channel         TEXT    NOT NULL PRIMARY KEY,
    well_since      INTEGER,           -- it takes what it is given since; NULL: it never took anything
    failing_since   INTEGER,           -- NULL: it does well
    failures        INTEGER NOT NULL,  -- attempts that failed one after the other, with no success between them
    shut            INTEGER NOT NULL,  -- how often in a row it was left alone
    shut_until      INTEGER,           -- left alone until then
    trouble         TEXT               -- why the last attempt failed
) STRICT, WITHOUT ROWID;

-- 1: it had come before its mailbox was watched (again): what its alert took is no measure of the watch.
ALTER TABLE message ADD COLUMN caught_up INTEGER NOT NULL DEFAULT 0;
