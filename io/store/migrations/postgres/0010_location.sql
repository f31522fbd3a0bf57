-- Where a mailbox's user is: what was said by hand, and what was told to others last. Both are the messaging service's.
CREATE TABLE location (
    mailbox uuid NOT NULL PRIMARY KEY REFERENCES mailbox (id),
    said text COLLATE "C",
    shown text COLLATE "C",
    shown_ms bigint
);
