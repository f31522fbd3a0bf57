-- Pictures of contacts, by the hash that a contact names.
CREATE TABLE picture (
    mailbox BLOB NOT NULL REFERENCES mailbox (id),
    hash TEXT NOT NULL,
    content BLOB NOT NULL,
    added_ms INTEGER NOT NULL,
    PRIMARY KEY (mailbox, hash)
) STRICT;
