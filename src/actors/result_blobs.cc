#include "actors/result_blobs.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace kiln::actors {
namespace {

using Taken = std::map<model::BlobRef, model::Bytes>;

model::BlobRef take(std::string& bytes, Taken& taken) {
  const model::BlobRef blob{sha256(bytes), bytes.size()};
  taken.try_emplace(blob, std::make_shared<const std::string>(std::move(bytes)));
  bytes.clear();
  return blob;
}

void cut(model::StreamOutput& stream, const Taken& taken) {
  const std::string& all = *taken.at(*stream.blob);
  stream.blob.reset();
  stream.bytes = all.substr(0, model::kMaxInlineOutputBytes);
  stream.dropped_bytes += static_cast<int64_t>(all.size() - stream.bytes.size());
  stream.truncated = true;
}

}  // namespace

Taken take_blobs(model::TaskResult& result) {
  Taken taken;
  for (model::StreamOutput* stream : {&result.out, &result.err}) {
    if (stream->bytes.size() > model::kMaxInlineOutputBytes) {
      stream->blob = take(stream->bytes, taken);
    }
  }
  size_t inline_bytes = 0;
  for (model::Artifact& artifact : result.artifacts) {
    const size_t size = artifact.bytes.size();
    const bool fits = size <= model::kMaxInlineArtifactBytes &&
                      inline_bytes + size <= model::kMaxInlineArtifactsBytes;
    if (fits || size == 0) {
      inline_bytes += size;
    } else {
      artifact.blob = take(artifact.bytes, taken);
    }
  }
  return taken;
}

void without(const std::map<Sha256, Error>& refused, const Taken& taken,
             model::TaskResult& result) {
  for (model::StreamOutput* stream : {&result.out, &result.err}) {
    if (stream->blob && refused.contains(stream->blob->sha256)) cut(*stream, taken);
  }
  std::erase_if(result.artifacts, [&](const model::Artifact& artifact) {
    const auto why = artifact.blob ? refused.find(artifact.blob->sha256) : refused.end();
    if (why == refused.end()) return false;
    result.artifacts_refused.push_back(artifact.path + ": " + why->second.text());
    return true;
  });
}

}  // namespace kiln::actors
