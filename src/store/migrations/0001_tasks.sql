-- The first schema. Times are microseconds since 1970 (wall time), ids 16 bytes, hashes 32 bytes,
-- states and verdicts the words of model/states.h. 64-bit counters are stored bit by bit, so those
-- above 2^63 - 1 look negative here; a seq never is that large.

CREATE TABLE meta (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  boot INTEGER NOT NULL,      -- how many brokers have started on this file
  last_seq INTEGER NOT NULL,  -- the highest seq ever given; deleting tasks does not lower it
  commits INTEGER NOT NULL    -- grows with each batch, so that even an empty one is written
) STRICT;
INSERT INTO meta VALUES (1, 0, 0, 0);

CREATE TABLE tasks (
  seq INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  tenant TEXT NOT NULL,
  queue TEXT NOT NULL,
  version INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  language TEXT NOT NULL,
  state TEXT NOT NULL,
  verdict TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  retries_used INTEGER NOT NULL,
  losses INTEGER NOT NULL,
  max_retries INTEGER NOT NULL,
  retry_on INTEGER NOT NULL,
  wait INTEGER NOT NULL,
  cache INTEGER NOT NULL,
  epoch_boot INTEGER NOT NULL,
  epoch_counter INTEGER NOT NULL,
  worker TEXT NOT NULL,
  submitted_at INTEGER NOT NULL,
  due_at INTEGER,
  started_at INTEGER,
  finished_at INTEGER,
  expires_at INTEGER,
  code_hash BLOB NOT NULL,
  cache_key BLOB NOT NULL,
  body_hash BLOB NOT NULL,
  leader BLOB,
  origin BLOB,
  requeued_as BLOB,
  owner TEXT NOT NULL,
  owner_epoch INTEGER NOT NULL
) STRICT;

-- A start reads the live states from it, each by seq; a list by state reads it backwards.
CREATE INDEX tasks_by_state ON tasks (state, seq);
-- Tenant and queue never change, so these two cost an insert and a delete, never an update.
CREATE INDEX tasks_by_tenant ON tasks (tenant, seq);
CREATE INDEX tasks_by_queue ON tasks (queue, seq, tenant);

CREATE TABLE programs (
  seq INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL
) STRICT;

CREATE TABLE results (
  seq INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL
) STRICT;

CREATE TABLE events (
  seq INTEGER NOT NULL,
  number INTEGER NOT NULL,  -- counts from 1 in each task
  at INTEGER NOT NULL,
  state TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  verdict TEXT NOT NULL,
  worker TEXT NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (seq, number)
) STRICT, WITHOUT ROWID;
