-- What a pass asks for in between is read from indexes alone: links hold whole items.
CREATE INDEX sync_link_counts ON sync_link (mailbox, kind, linked);
CREATE INDEX sync_link_gone ON sync_link (mailbox, kind, missing) WHERE gone;
CREATE INDEX sync_link_quarantined ON sync_link (mailbox, kind, id) WHERE quarantined;
