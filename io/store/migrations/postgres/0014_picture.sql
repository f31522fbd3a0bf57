-- Pictures of contacts, by the hash that a contact names.
CREATE TABLE picture (
    mailbox uuid NOT NULL REFERENCES mailbox (id),
    hash text COLLATE "C" NOT NULL,
    content bytea NOT NULL,
    added_ms bigint NOT NULL,
    PRIMARY KEY (mailbox, hash)
);
