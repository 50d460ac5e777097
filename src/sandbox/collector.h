// Copies out what a cell has left in /box/out. Theory of operation:
//
// The tree was made by an untrusted program, so nothing in it is opened by a path that the program
// could lead elsewhere. The way in is a descriptor of /box that was opened before the program ran;
// from there each step down is one name, by openat2(2) with RESOLVE_BENEATH, NO_SYMLINKS,
// NO_MAGICLINKS and NO_XDEV, non-blocking; what was opened is then asked what it is (fstat), and
// only directories and regular files with one name are read. All of the cell is dead by then, so
// nothing changes meanwhile; the checks hold even if it did.
//
// The copy goes into a memory file (wire.h has its format), a piece at a time: the launcher has one
// thread and other cells to look after.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "model/limits.h"
#include "model/task.h"
#include "sandbox/artifact_refusals.h"

namespace kiln::sandbox {

inline constexpr const char* kOutDirectory = model::kArtifactDirectory.data();  // in /box
inline constexpr size_t kMaxArtifactDepth = 8;                                  // parts of a path
inline constexpr size_t kMaxArtifactPath = 512;
inline constexpr size_t kMaxEntriesRead = 10'000;
inline constexpr size_t kMaxRefusalsListed = 64;  // the others are counted

struct CollectBounds {
  int64_t files = 0;
  int64_t bytes = 0;       // of all
  int64_t file_bytes = 0;  // of each
};

class Collector {
 public:
  // `box` is a directory descriptor, which may be O_PATH; the collector does not keep it.
  Collector(int box, const CollectBounds& bounds);
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  // Does one piece: an entry, or some of a file's bytes. False: it is done, or has failed.
  bool step();
  int error() const { return error_; }  // an errno: the copy itself failed
  // Once done without error: the sealed memory file.
  UniqueFd take() { return std::move(copy_); }

 private:
  struct Directory {
    UniqueFd fd;
    std::string prefix;  // "" or "a/b/"
    std::vector<std::string> names;
    size_t next = 0;
  };
  struct File {
    UniqueFd fd;
    std::string path;
    uint64_t size = 0;
    uint64_t copied = 0;
    uint64_t record_at = 0;  // in the copy
  };

  void open_root(int box);
  void enter(UniqueFd fd, std::string prefix);
  void read_names(int fd, std::vector<std::string>& names);
  void visit(const Directory& in, const std::string& name);
  void begin_file(UniqueFd fd, const std::string& path, uint64_t size);
  void copy_piece();
  void end_file();
  void refuse(const std::string& path, Refusal why, uint64_t detail = 0);
  void finish();
  void put_record(uint64_t at, Refusal why, const std::string& path, uint64_t size);
  void put(uint64_t at, const void* data, size_t size);

  const CollectBounds bounds_;
  UniqueFd copy_;
  int error_ = 0;
  bool finished_ = false;
  uint64_t end_ = 0;  // of the copy
  std::vector<Directory> directories_;
  std::unique_ptr<File> file_;
  std::vector<char> buffer_;
  int64_t files_ = 0;
  int64_t bytes_ = 0;
  size_t entries_ = 0;
  uint64_t refused_ = 0;
};

// UTF-8 without control characters: what a terminal, a log and a file system can show as it is.
bool is_plain_name(std::string_view name);

}  // namespace kiln::sandbox
