// The broker's data directory, and the private directory of an embedded run.
#pragma once

#include <string>

#include "base/error.h"
#include "cli/privileges.h"

namespace kiln::cli {

// /var/lib/kiln as root, else $XDG_STATE_HOME/kiln, else ~/.local/state/kiln.
std::string default_data_directory();

// Makes it (and what leads to it) where it is missing: `user`'s, mode 0700. One that root made and
// left empty is handed over. Errors: io_error, with what to type. Call before drop_privileges.
Status prepare_data_directory(const std::string& path, const User& user);

// A new directory under $TMPDIR (or /tmp, where that is closed to us or too long for a socket's
// name), mode 0700, removed with all it holds by remove() or the destructor.
class TemporaryDirectory {
 public:
  // Call after drop_privileges: it must be ours to remove. Errors: io_error.
  static Result<TemporaryDirectory> make();
  TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
  }
  TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;
  ~TemporaryDirectory() { remove(); }

  const std::string& path() const { return path_; }
  // From any thread, at any time: also while somebody still uses it.
  void remove() const;

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace kiln::cli
