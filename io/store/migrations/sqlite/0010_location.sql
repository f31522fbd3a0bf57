-- Where a mailbox's user is: what was said by hand, and what was told to others last. Both are the messaging service's.
CREATE TABLE location (
    mailbox BLOB NOT NULL PRIMARY KEY REFERENCES mailbox (id),
    said TEXT,
    shown TEXT,
    shown_ms INTEGER
) STRICT;
