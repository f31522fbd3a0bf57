-- A picture that nothing names any more goes a month after it was last known to be needed. Whether something names it is
-- looked up by these, since whole entries lie in body.
ALTER TABLE picture RENAME COLUMN added_ms TO needed_ms;
CREATE INDEX picture_needed ON picture (needed_ms);
CREATE INDEX record_picture ON record (mailbox, CAST(json_extract(body, '$.photo') AS TEXT))
    WHERE CAST(json_extract(body, '$.photo') AS TEXT) IS NOT NULL;
CREATE INDEX deletion_picture ON deletion (mailbox, CAST(json_extract(body, '$.photo') AS TEXT))
    WHERE CAST(json_extract(body, '$.photo') AS TEXT) IS NOT NULL;
CREATE INDEX snapshot_entry_picture ON snapshot_entry (CAST(json_extract(body, '$.photo') AS TEXT))
    WHERE CAST(json_extract(body, '$.photo') AS TEXT) IS NOT NULL;
CREATE INDEX sync_spool_picture ON sync_spool (mailbox, CAST(json_extract(body, '$.photo') AS TEXT))
    WHERE CAST(json_extract(body, '$.photo') AS TEXT) IS NOT NULL;
CREATE INDEX sync_conflict_picture ON sync_conflict (mailbox, CAST(json_extract(body, '$.loser.photo') AS TEXT))
    WHERE CAST(json_extract(body, '$.loser.photo') AS TEXT) IS NOT NULL;
