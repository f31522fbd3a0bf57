-- A claim asks for kinds of jobs. However many of one kind wait, the first of another is found at once.
DROP INDEX job_due;
CREATE INDEX job_due ON job (kind, not_before_ms, seq) WHERE head;
