-- A picture that nothing names any more goes a month after it was last known to be needed. Whether something names it is
-- looked up by these, since whole entries lie in body.
ALTER TABLE picture RENAME COLUMN added_ms TO needed_ms;
CREATE INDEX picture_needed ON picture (needed_ms);
CREATE INDEX record_picture ON record (mailbox, (substring(body FROM '"photo":"([0-9a-f]+)"') COLLATE "C"))
    WHERE (substring(body FROM '"photo":"([0-9a-f]+)"') COLLATE "C") IS NOT NULL;
CREATE INDEX deletion_picture ON deletion (mailbox, (substring(body FROM '"photo":"([0-9a-f]+)"') COLLATE "C"))
    WHERE (substring(body FROM '"photo":"([0-9a-f]+)"') COLLATE "C") IS NOT NULL;
CREATE INDEX snapshot_entry_picture ON snapshot_entry ((substring(body FROM '"photo":"([0-9a-f]+)"') COLLATE "C"))
    WHERE (substring(body FROM '"photo":"([0-9a-f]+)"') COLLATE "C") IS NOT NULL;
CREATE INDEX sync_spool_picture ON sync_spool (mailbox, (substring(body FROM '"photo":"([0-9a-f]+)"') COLLATE "C"))
    WHERE (substring(body FROM '"photo":"([0-9a-f]+)"') COLLATE "C") IS NOT NULL;
CREATE INDEX sync_conflict_picture ON sync_conflict (mailbox, (substring(body FROM '"photo":"([0-9a-f]+)"') COLLATE "C"))
    WHERE (substring(body FROM '"photo":"([0-9a-f]+)"') COLLATE "C") IS NOT NULL;
