// Blobs between this machine's files and the broker.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/out_directory.h"
#include "cli/upload.h"
#include "model/result.h"
#include "net/client.h"

namespace kiln::cli {

// Sends what the broker does not have yet. Errors: those of the client; io_error (the file changed
// meanwhile, or cannot be read).
Status put_blobs(net::Client& client, const std::vector<Upload>& uploads);

// The blob, a chunk at a time and at most `blob.size` bytes; the last chunk only if all of them
// together have the blob's hash. Errors: those of the client, corrupt, what `take` says.
Status get_blob(net::Client& client, const std::string& tenant, const model::BlobRef& blob,
                const std::function<Status(std::string_view)>& take);

using PutPiece = std::function<Status(const FilePiece&)>;
// Every artifact, those in blobs too; the first error is told, the others are written all the same.
Status write_artifacts(net::Client& client, const std::string& tenant,
                       const model::TaskResult& result, const PutPiece& put);

// Brings the output that is in blobs into the result itself.
Status fetch_output(net::Client& client, const std::string& tenant, model::TaskResult& result);

}  // namespace kiln::cli
