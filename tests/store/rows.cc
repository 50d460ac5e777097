#include "tests/store/rows.h"

#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <limits>

namespace kiln::store {

using model::TaskRow;

TaskId id_of(uint64_t number) {
  TaskId id;
  for (size_t i = 0; i < 8; ++i) id.bytes.at(i) = static_cast<uint8_t>(number >> (56 - 8 * i));
  id.bytes[15] = 1;
  return id;
}

TaskRow make_row(uint64_t seq) {
  TaskRow row;
  row.id = id_of(seq);
  row.seq = seq;
  row.tenant = "default";
  row.queue = "default";
  row.language = "python";
  row.submitted_at = wall_from_micros(1'700'000'000'000'000 + static_cast<int64_t>(seq));
  return row;
}

TaskRow make_row(uint64_t seq, model::TaskState state) {
  TaskRow row = make_row(seq);
  row.state = state;
  return row;
}

model::Bytes bytes_of(std::string_view bytes) { return std::make_shared<const std::string>(bytes); }

model::InsertTask insert_of(const TaskRow& row, std::string_view program) {
  return model::InsertTask{row, bytes_of(program)};
}

model::TaskEvent event_of(uint64_t seq, std::string_view note) {
  model::TaskEvent event;
  event.id = id_of(seq);
  event.at = wall_from_micros(5);
  event.note = note;
  return event;
}

TaskRow full_row(uint64_t seq) {
  TaskRow row = make_row(seq);
  row.version = std::numeric_limits<uint64_t>::max();
  row.priority = -7;
  row.language = "c++";
  row.state = model::TaskState::retrying;
  row.verdict = model::Verdict::signaled;
  row.attempt = std::numeric_limits<uint32_t>::max();
  row.retries_used = 2;
  row.losses = 3;
  row.max_retries = std::numeric_limits<int>::max();
  row.retry_on = 0x80000001U;
  row.retry_delay_ms = 4711;
  row.full_jitter = true;
  row.wait = true;
  row.cache = false;
  row.epoch = model::Epoch{uint64_t{1} << 63U, 12};
  row.worker = std::string("w\0rker", 6) + "\xFF";
  row.submitted_at = wall_from_micros(std::numeric_limits<int64_t>::min());
  row.due_at = wall_from_micros(std::numeric_limits<int64_t>::max());
  row.started_at = wall_from_micros(0);
  row.finished_at = wall_from_micros(-1);
  row.expires_at = wall_from_micros(13);
  row.code_hash.fill(0);
  row.cache_key.fill(0xFF);
  row.body_hash = sha256("body");
  row.leader = id_of(101);
  row.origin = id_of(102);
  row.requeued_as = TaskId{};
  row.result_of = id_of(103);
  row.result_bytes = uint64_t{1} << 40U;
  row.owner = "broker-2";
  row.owner_epoch = 14;
  return row;
}

TempDir::TempDir() {
  std::string path = (std::filesystem::temp_directory_path() / "kiln-store-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) std::perror("mkdtemp");
  path_ = path;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace kiln::store
