// Writes a task's artifacts as the user who typed the command. An embedded run gives its privileges
// away for good before anything of the task exists, so a process of its own that kept them is
// forked first. It has one directory and does one thing, once.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "model/result.h"

namespace kiln::cli {

class ArtifactWriter {
 public:
  // Forks; call while single-threaded. Errors: io_error (the directory), internal.
  static Result<std::unique_ptr<ArtifactWriter>> fork_for(const std::string& directory);
  ~ArtifactWriter();  // ends it
  ArtifactWriter(const ArtifactWriter&) = delete;
  ArtifactWriter& operator=(const ArtifactWriter&) = delete;

  // Once. Errors: what writing failed with.
  Status write(const model::TaskResult& result);

 private:
  ArtifactWriter(pid_t pid, UniqueFd socket) : pid_(pid), socket_(std::move(socket)) {}

  pid_t pid_;
  UniqueFd socket_;
};

}  // namespace kiln::cli
