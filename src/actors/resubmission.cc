#include "actors/resubmission.h"

#include <utility>

#include "net/codec.h"

namespace kiln::actors {

core::Resubmit::Item resubmission(model::TaskRow old, model::Bytes program, WallTime now,
                                  Random& random) {
  core::Resubmit::Item item;
  model::TaskRow& row = item.anew.row;
  row.id = make_id<TaskId>(now, random);
  row.tenant = old.tenant;
  row.queue = old.queue;
  row.priority = old.priority;
  row.language = old.language;
  row.max_retries = old.max_retries;
  row.retry_on = old.retry_on;
  row.retry_delay_ms = old.retry_delay_ms;
  row.full_jitter = old.full_jitter;
  row.cache = old.cache;
  row.submitted_at = now;
  row.code_hash = old.code_hash;
  row.cache_key = old.cache_key;
  row.body_hash = old.body_hash;
  if (const auto decoded = net::decode_program(*program)) {
    item.anew.blobs = model::blobs_of(*decoded);
  }
  item.anew.program = std::move(program);
  item.old = std::move(old);
  return item;
}

}  // namespace kiln::actors
