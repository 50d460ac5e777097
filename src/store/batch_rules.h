// The rules of a batch that need no look at what is stored, and the words for breaking the others:
// the same in every store.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "model/records.h"

namespace kiln::store {

// Errors: too_large, internal.
Status check_insert(const model::InsertTask& write);
Status check_result(const model::PutResult& write);
// `known`: what is stored of the blob; null: nothing.
Status check_chunk(const model::PutBlobChunk& write, const model::BlobState* known);

Error task_exists(const TaskId& id);
Error seq_taken(uint64_t seq);
// `what` is "an update", "a result" ...
Error unknown_task(std::string_view what, const TaskId& id);
Error key_changed(const TaskId& id);

}  // namespace kiln::store
