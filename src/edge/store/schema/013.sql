-- When the server took in what lies there (INTERNALDATE, in seconds): tells deliveries of the same bytes apart when the
-- mailbox is numbered anew. NULL: not known.
ALTER TABLE place ADD COLUMN received_at INTEGER;
