// Where the artifacts of a task are written: below one directory that the user named, whatever
// paths a broker sends. Each step down is one name, by openat2(2) beneath the last and through no
// link; a file is written under a name of its own first and then takes its place, so what lies
// there already is replaced (a link itself, not what it points to) and nobody sees half a file.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "model/result.h"

namespace kiln::cli {

class OutDirectory {
 public:
  // Makes it where it is missing; its parent must be there. Errors: io_error, with the path.
  static Result<OutDirectory> open(const std::string& path);

  // Errors: malformed (a path that leads out), io_error.
  Status write(const model::Artifact& artifact) const;
  // All of them; the first error is told, the others are written all the same.
  Status write_all(const std::vector<model::Artifact>& artifacts) const;

 private:
  OutDirectory(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  Status failed(const std::string& what, int error) const;

  std::string path_;
  UniqueFd fd_;
};

}  // namespace kiln::cli
