-- What was read of the mail system's items for a plan, until it is carried out: snapshot and synchronization need not read
-- them again.
CREATE TABLE sync_spool (
    mailbox BLOB NOT NULL REFERENCES mailbox (id),
    kind TEXT NOT NULL,
    item TEXT NOT NULL,
    etag TEXT NOT NULL,
    headline TEXT NOT NULL,
    about TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (mailbox, kind, item)
) STRICT;
