#include "store/batch_rules.h"

#include <utility>

#include "store/store.h"

namespace kiln::store {
namespace {

Error mistake(std::string message) {
  return Error{ErrorCode::internal, std::move(message), "", "", ""};
}

Status check_size(std::string_view what, const TaskId& id, const std::string& bytes) {
  if (bytes.size() <= kMaxValueBytes) return {};
  std::string message = std::string(what) + " of the task " + to_string(id) + " has " +
                        std::to_string(bytes.size()) + " bytes, but at most " +
                        std::to_string(kMaxValueBytes) + " can be stored";
  return Error{ErrorCode::too_large, std::move(message), "", "", ""};
}

}  // namespace

Status check_insert(const model::InsertTask& write) {
  const uint64_t seq = write.row.seq;
  if (seq == 0 || seq > kMaxSeq)
    return mistake("the seq " + std::to_string(seq) + " is out of range");
  if (write.program == nullptr) return {};
  return check_size("the program", write.row.id, *write.program);
}

Status check_result(const model::PutResult& write) {
  if (write.result == nullptr) {
    return mistake("the result of the task " + to_string(write.id) + " has no bytes");
  }
  return check_size("the result", write.id, *write.result);
}

Status check_chunk(const model::PutBlobChunk& write, const model::BlobState* known) {
  const uint64_t stored = known == nullptr ? 0 : known->received;
  const uint64_t size = write.blob.size;
  const std::string name = "the blob " + to_hex(write.blob.sha256);
  if (known != nullptr && known->blob.size != size) return mistake(name + " has another size");
  if (write.bytes == nullptr || write.offset != stored || stored >= size ||
      write.bytes->size() != model::chunk_size(size, stored)) {
    return mistake(name + " has " + std::to_string(stored) + " bytes, and what came is no chunk " +
                   "that follows");
  }
  if (write.last != (stored + write.bytes->size() == size)) {
    return mistake(name + " ends elsewhere than it says");
  }
  return {};
}

Error task_exists(const TaskId& id) {
  return Error{ErrorCode::conflict, "the task " + to_string(id) + " exists already", "id", "", ""};
}

Error seq_taken(uint64_t seq) {
  return mistake("the seq " + std::to_string(seq) + " belongs to another task");
}

Error unknown_task(std::string_view what, const TaskId& id) {
  return mistake(std::string(what) + " of the task " + to_string(id) + ", which is not stored");
}

Error key_changed(const TaskId& id) {
  return mistake("an update would change the seq, tenant or queue of the task " + to_string(id));
}

}  // namespace kiln::store
