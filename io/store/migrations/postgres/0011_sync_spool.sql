-- What was read of the mail system's items for a plan, until it is carried out: snapshot and synchronization need not read
-- them again.
CREATE TABLE sync_spool (
    mailbox uuid NOT NULL REFERENCES mailbox (id),
    kind text COLLATE "C" NOT NULL,
    item text COLLATE "C" NOT NULL,
    etag text COLLATE "C" NOT NULL,
    headline text NOT NULL,
    about text NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (mailbox, kind, item)
);
