// Where the artifacts of a task are written: below one directory that the user named, whatever
// paths a broker sends. Each step down is one name, by openat2(2) beneath the last and through no
// link; a file is written under a name of its own first and then takes its place, so what lies
// there already is replaced (a link itself, not what it points to) and nobody sees half a file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace kiln::cli {

// One piece of a file of `size` bytes; its pieces come in order, the next file's after them.
struct FilePiece {
  std::string_view path;
  uint64_t size = 0;
  std::string_view bytes;
};

class OutDirectory {
 public:
  // Makes it where it is missing; its parent must be there. Errors: io_error, with the path.
  static Result<OutDirectory> open(const std::string& path);

  // With its last piece the file is in its place. A file that another one follows before it was
  // whole is given up. Errors: malformed (a path that leads out, or more bytes than said),
  // io_error.
  Status put(const FilePiece& piece);

 private:
  // A file on its way, under a name of its own; gone if it does not get to its place.
  class File {
   public:
    static Result<File> make(const UniqueFd& top, const std::string& path);
    ~File();
    File(File&&) noexcept = default;
    File& operator=(File&&) = delete;

    // 0 or an errno.
    int append(std::string_view bytes);
    int take_place();
    const std::string& path() const { return path_; }
    uint64_t written() const { return written_; }

   private:
    File() = default;
    std::string path_;
    UniqueFd directory_;
    UniqueFd fd_;
    std::string temporary_;  // its name until then; "": it is in its place
    std::string name_;
    uint64_t written_ = 0;
  };

  OutDirectory(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  Status failed(std::string_view what, int error) const;

  std::string path_;
  UniqueFd fd_;
  std::optional<File> file_;
};

}  // namespace kiln::cli
