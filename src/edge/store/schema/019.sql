-- What of one kind can be worked on is found without a look at the others, however many are open: a sweep leaves thousands
-- of filings, and is asked after each batch whether an alert is due.
CREATE INDEX outbox_open_of_kind ON outbox (kind, state, due) WHERE state IN ('ready', 'doing');
