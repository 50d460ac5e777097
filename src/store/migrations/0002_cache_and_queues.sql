-- What retries, the result cache, joined tasks and paused queues need.

ALTER TABLE tasks ADD COLUMN retry_delay_ms INTEGER NOT NULL DEFAULT 5000;
ALTER TABLE tasks ADD COLUMN full_jitter INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN result_of BLOB;  -- whose result it has; NULL: its own, if any
ALTER TABLE tasks ADD COLUMN result_bytes INTEGER NOT NULL DEFAULT 0;
UPDATE tasks SET result_bytes =
  coalesce((SELECT length(bytes) FROM results WHERE results.seq = tasks.seq), 0);

-- Who takes over a result when its task is deleted.
CREATE INDEX tasks_by_result_of ON tasks (result_of, seq) WHERE result_of IS NOT NULL;
-- The cache at a start, and what has been kept long enough: an append for each end.
CREATE INDEX tasks_by_end ON tasks (state, finished_at, seq) WHERE finished_at IS NOT NULL;

-- One row for each queue that somebody has set something for; NULL: the default for every queue.
CREATE TABLE queues (
  queue TEXT PRIMARY KEY,
  paused INTEGER NOT NULL,
  max_retries INTEGER,
  retry_on INTEGER,
  retry_delay_ms INTEGER,
  full_jitter INTEGER
) STRICT, WITHOUT ROWID;
