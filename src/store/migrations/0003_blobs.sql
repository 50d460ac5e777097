-- Blobs: large files and output, by the hash of their content, apart for each tenant.

CREATE TABLE blobs (
  number INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  sha256 BLOB NOT NULL,
  size INTEGER NOT NULL,
  received INTEGER NOT NULL,  -- bytes stored, from the start
  complete INTEGER NOT NULL,  -- all of them, and their hash was checked
  used_at INTEGER NOT NULL,
  UNIQUE (tenant, sha256)
) STRICT;
-- What may go when there is no room, the longest unused first.
CREATE INDEX blobs_by_use ON blobs (tenant, used_at);

CREATE TABLE blob_chunks (
  blob INTEGER NOT NULL,  -- blobs.number
  at INTEGER NOT NULL,    -- offset of the first byte
  bytes BLOB NOT NULL,
  UNIQUE (blob, at)
) STRICT;

-- Which blobs a task refers to; of the task's tenant.
CREATE TABLE blob_refs (
  seq INTEGER NOT NULL,
  part TEXT NOT NULL,  -- program, result
  sha256 BLOB NOT NULL,
  PRIMARY KEY (seq, part, sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX blob_refs_by_hash ON blob_refs (sha256, seq);
