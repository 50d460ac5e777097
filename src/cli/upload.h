// Input files that are too large for a message.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "model/blob.h"

namespace kiln::cli {

// A file that a task refers to. It is read again when it is sent, from where it was opened at
// first: the right to read it may be given up in between.
struct Upload {
  model::BlobRef blob;
  std::string path;  // for messages
  std::shared_ptr<UniqueFd> file;
};

// `what` is larger than a blob may be.
Error too_large_blob(const std::string& what);

// Hashes the file. `what` names it in errors. Errors: too_large, io_error.
Result<Upload> prepare_upload(UniqueFd file, const std::string& path, const std::string& what);

// Up to `size` bytes of it at `offset`; less at the end of the file. Errors: io_error.
Result<std::string> read_at(int fd, uint64_t offset, size_t size, const std::string& path);

}  // namespace kiln::cli
