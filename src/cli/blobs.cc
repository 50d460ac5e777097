#include "cli/blobs.h"

#include <thread>
#include <utility>

#include "base/hash.h"

namespace kiln::cli {
namespace {

// A chunk goes to the broker's disk before it is answered.
constexpr Duration kChunkTimeout = std::chrono::seconds(30);
constexpr int kTries = 20;  // of a broker that is busy, or that lost the last answer
constexpr Duration kBusyPause = std::chrono::milliseconds(200);

bool may_pass(ErrorCode code) { return code == ErrorCode::busy || code == ErrorCode::timeout; }

Result<model::BlobState> ask(net::Client& client, const net::PutBlob& message) {
  for (int i = 0;; ++i) {
    auto answer = client.request(message, kChunkTimeout);
    if (answer && answer->blob) return *answer->blob;
    if (answer) return Error{ErrorCode::malformed, "the answer has no blob", "", "", ""};
    if (!may_pass(answer.error().code) || i + 1 == kTries) return std::move(answer).error();
    std::this_thread::sleep_for(kBusyPause);
  }
}

Status put_blob(net::Client& client, const Upload& upload) {
  net::PutBlob message;
  message.blob = upload.blob;
  auto state = ask(client, message);
  while (state && !state->complete) {
    message.offset = state->received;
    if (message.offset >= upload.blob.size) {
      return Error{ErrorCode::malformed, "the broker has all of a blob and wants more", "", "", ""};
    }
    const uint64_t size = model::chunk_size(upload.blob.size, message.offset);
    auto bytes = read_at(upload.file->get(), message.offset, size, upload.path);
    if (!bytes) return std::move(bytes).error();
    if (bytes->size() != size) {
      return Error{ErrorCode::io_error, "the file " + upload.path + " became shorter", "", "",
                   "Start again"};
    }
    message.data = std::move(*bytes);
    state = ask(client, message);
  }
  if (state) return {};
  Error error = std::move(state).error();
  error.message = "cannot send the file " + upload.path + ": " + error.message;
  return error;
}

Error damaged() {
  return {ErrorCode::corrupt, "a blob came with another content than its hash says", "", "",
          "See what kiln verify says of the broker's store"};
}

}  // namespace

Status put_blobs(net::Client& client, const std::vector<Upload>& uploads) {
  for (const Upload& upload : uploads) {
    if (Status s = put_blob(client, upload); !s) return s;
  }
  return {};
}

Status get_blob(net::Client& client, const std::string& tenant, const model::BlobRef& blob,
                const std::function<Status(std::string_view)>& take) {
  Sha256Hasher hash;
  for (uint64_t offset = 0; offset < blob.size; offset += model::kBlobChunkBytes) {
    net::GetBlob message{0, blob.sha256, offset, std::nullopt};
    if (!tenant.empty()) message.tenant = tenant;
    auto answer = client.request(message, kChunkTimeout);
    if (!answer) return std::move(answer).error();
    const std::string data = answer->data.value_or("");
    if (data.size() != model::chunk_size(blob.size, offset)) return damaged();
    hash.add(data);
    const bool last = offset + data.size() == blob.size;
    if (last && hash.finish() != blob.sha256) return damaged();
    if (Status s = take(data); !s) return s;
  }
  return {};
}

Status write_artifacts(net::Client& client, const std::string& tenant,
                       const model::TaskResult& result, const PutPiece& put) {
  Status first;
  for (const model::Artifact& artifact : result.artifacts) {
    Status status;
    if (artifact.blob) {
      status = get_blob(client, tenant, *artifact.blob, [&](std::string_view bytes) {
        return put({artifact.path, artifact.blob->size, bytes});
      });
    } else {
      status = put({artifact.path, artifact.bytes.size(), artifact.bytes});
    }
    if (!status && first) first = std::move(status);
  }
  return first;
}

Status fetch_output(net::Client& client, const std::string& tenant, model::TaskResult& result) {
  for (model::StreamOutput* stream : {&result.out, &result.err}) {
    if (!stream->blob) continue;
    Status s = get_blob(client, tenant, *stream->blob, [&](std::string_view bytes) -> Status {
      stream->bytes.append(bytes);
      return {};
    });
    if (!s) return s;
    stream->blob.reset();
  }
  return {};
}

}  // namespace kiln::cli
