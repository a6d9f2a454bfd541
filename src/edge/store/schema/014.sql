-- Mailboxes that show messages which lie somewhere else, too (Gmail's All Mail): that a message is seen there as well
-- moves it nowhere.
CREATE TABLE shows_all (
    account         TEXT    NOT NULL,
    mailbox         TEXT    NOT NULL,
    PRIMARY KEY (account, mailbox)
) STRICT, WITHOUT ROWID;
