#include "cli/upload.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/hash.h"

namespace kiln::cli {

Result<std::string> read_at(int fd, uint64_t offset, size_t size, const std::string& path) {
  std::string out(size, '\0');
  size_t have = 0;
  while (have < size) {
    const ssize_t got =
        ::pread(fd, out.data() + have, size - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error(ErrorCode::io_error, "read the file " + path, errno);
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  out.resize(have);
  return out;
}

Error too_large_blob(const std::string& what) {
  return {ErrorCode::too_large,
          what + " is larger than " + std::to_string(model::kMaxBlobBytes) +
              " bytes, the most that is taken",
          "", "", ""};
}

Result<Upload> prepare_upload(UniqueFd file, const std::string& path, const std::string& what) {
  Upload upload;
  upload.path = path;
  Sha256Hasher hash;
  while (true) {
    auto bytes = read_at(file.get(), upload.blob.size, model::kBlobChunkBytes, path);
    if (!bytes) return std::move(bytes).error();
    if (bytes->empty()) break;
    hash.add(*bytes);
    upload.blob.size += bytes->size();
    if (upload.blob.size > model::kMaxBlobBytes) {
      return too_large_blob(what);
    }
  }
  upload.blob.sha256 = hash.finish();
  upload.file = std::make_shared<UniqueFd>(std::move(file));
  return upload;
}

}  // namespace kiln::cli
