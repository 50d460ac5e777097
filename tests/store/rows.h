// Rows for the store's tests, and a directory of a test's own.
#pragma once

#include <string>
#include <string_view>

#include "model/records.h"

namespace kiln::store {

// A fixed id for each number.
TaskId id_of(uint64_t number);
// A queued row with id_of(seq) in queue "default" of tenant "default".
model::TaskRow make_row(uint64_t seq);
model::TaskRow make_row(uint64_t seq, model::TaskState state);
model::InsertTask insert_of(const model::TaskRow& row, std::string_view program = "code");
model::TaskEvent event_of(uint64_t seq, std::string_view note);
model::Bytes bytes_of(std::string_view bytes);
// All fields set, each to something unlike its default and unlike the others.
model::TaskRow full_row(uint64_t seq);

// Made in the system's directory for temporary files; removed with all in it.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string database() const { return path_ + "/kiln.db"; }

 private:
  std::string path_;
};

}  // namespace kiln::store
