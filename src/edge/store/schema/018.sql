-- Why nothing was told of a message: advert, muted, not-wanted, silenced, usual, old, same. NULL: something was told, there
-- was nothing to tell, or an older program settled it.
ALTER TABLE message ADD COLUMN quiet TEXT;

-- The rule that decided, so that its hits are counted without reading every verdict.
ALTER TABLE message ADD COLUMN rule TEXT
    GENERATED ALWAYS AS (CASE WHEN json_valid(verdict) THEN verdict ->> '$.rule' END) VIRTUAL;
CREATE INDEX message_of_rule ON message (rule, received_at);
CREATE INDEX message_of_category ON message (category, received_at);
