// Writes a task's artifacts as the user who typed the command. An embedded run gives its privileges
// away for good before anything of the task exists, so a process of its own that kept them is
// forked first. It has one directory and does one thing, until it is told that it was all.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "cli/out_directory.h"

namespace kiln::cli {

class ArtifactWriter {
 public:
  // Forks; call while single-threaded. Errors: io_error (the directory), internal.
  static Result<std::unique_ptr<ArtifactWriter>> fork_for(const std::string& directory);
  ~ArtifactWriter();  // ends it
  ArtifactWriter(const ArtifactWriter&) = delete;
  ArtifactWriter& operator=(const ArtifactWriter&) = delete;

  // As OutDirectory::put, but what writing failed with is told by finish().
  Status put(const FilePiece& piece);
  // Once, last. Errors: the first that writing failed with.
  Status finish();

 private:
  ArtifactWriter(pid_t pid, UniqueFd socket) : pid_(pid), socket_(std::move(socket)) {}
  static Error dead();

  pid_t pid_;
  UniqueFd socket_;
};

}  // namespace kiln::cli
