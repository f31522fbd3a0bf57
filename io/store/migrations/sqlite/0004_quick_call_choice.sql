-- Whom a technician meant by a contact, the last time that the directory's answer was corrected or several were offered.
CREATE TABLE quick_call_choice (
    technician TEXT NOT NULL,
    contact TEXT NOT NULL,
    person TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (technician, contact)
) STRICT, WITHOUT ROWID;
CREATE INDEX quick_call_choice_at ON quick_call_choice (at_ms);
