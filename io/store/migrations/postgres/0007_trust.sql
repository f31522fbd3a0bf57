-- Certificates that the service believes beside what the operating system does: authorities everywhere, servers' own
-- certificates at one host.
CREATE TABLE trusted_certificate (
    sha256 bytea NOT NULL,
    host text COLLATE "C" NOT NULL,
    authority boolean NOT NULL,
    der bytea NOT NULL,
    added_by text COLLATE "C" NOT NULL,
    added_ms bigint NOT NULL,
    PRIMARY KEY (sha256, host)
);
