-- SHA-256 of what was presented at a gate: the same scan, sent again, is told from another code under its name.
ALTER TABLE scans ADD COLUMN code_hash bytea
    CONSTRAINT scans_code_hash_is_sha256 CHECK (octet_length(code_hash) = 32);
