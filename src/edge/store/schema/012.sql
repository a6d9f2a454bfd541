-- What a letter to a shop answers: one row a mail of a shop, or of Rakuten, about an order. Nothing of the text is kept,
-- so nothing of it is blanked when a case ends.
CREATE TABLE correspondence (
    order_number    TEXT    NOT NULL,
    mail_key        TEXT    NOT NULL,
    account         TEXT    NOT NULL,
    at              INTEGER NOT NULL,  -- seconds: the mail's own date
    body            TEXT    NOT NULL,  -- JSON: sender, subject, Message-ID, references, trust, why it may not be answered
    PRIMARY KEY (order_number, mail_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX correspondence_of_mail ON correspondence (mail_key);

-- Letters: drafted, sent, or not known to be. One a case and step.
CREATE TABLE letter (
    order_number    TEXT    NOT NULL,
    step            TEXT    NOT NULL,  -- ask-shop, ask-shop-again, answer-cancel …
    message_id      TEXT    NOT NULL UNIQUE,
    outbox          INTEGER NOT NULL REFERENCES outbox (id),
    at              INTEGER NOT NULL,  -- seconds: when it was decided
    sent_at         INTEGER,           -- seconds: when a draft was found, or said, to be sent by the shopper
    PRIMARY KEY (order_number, step)
) STRICT, WITHOUT ROWID;
CREATE INDEX letter_at ON letter (at);

-- Where a letter was laid: a draft, or the copy of one that was sent.
CREATE TABLE laid (
    outbox          INTEGER NOT NULL PRIMARY KEY REFERENCES outbox (id),
    account         TEXT    NOT NULL,
    mailbox         TEXT    NOT NULL,
    uid_validity    INTEGER NOT NULL,
    uid             INTEGER NOT NULL
) STRICT;

-- What mails say of letters: nothing more is written by itself about their order.
CREATE TABLE letter_sign (
    message_id      TEXT    NOT NULL,  -- of the letter
    sign            TEXT    NOT NULL,  -- bounced, auto-reply
    mail_key        TEXT    NOT NULL,  -- of the mail that says it
    at              INTEGER NOT NULL,  -- seconds
    PRIMARY KEY (message_id, sign)
) STRICT, WITHOUT ROWID;

CREATE INDEX outbox_of_letter ON outbox (json_extract(payload, '$.letter.order')) WHERE kind IN ('draft', 'send', 'copy');
CREATE INDEX outbox_of_letter_id ON outbox (json_extract(payload, '$.letter.message_id'))
    WHERE kind IN ('draft', 'send', 'copy');
