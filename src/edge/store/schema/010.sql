-- Alerts that tell the same by several channels: the name of what is told, and the channel's turn (0: at once; 1, 2 …:
-- when none before took it).
ALTER TABLE outbox ADD COLUMN told TEXT;
ALTER TABLE outbox ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
CREATE INDEX outbox_told ON outbox (told) WHERE told IS NOT NULL;
CREATE INDEX outbox_lately ON outbox (wished_at) WHERE kind = 'alert';
CREATE INDEX outbox_held ON outbox (due) WHERE kind = 'held' AND state = 'ready';
