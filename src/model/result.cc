#include "model/result.h"

namespace kiln::model {

BlobRefs blobs_of(const TaskResult& result) {
  BlobRefs refs;
  for (const StreamOutput* stream : {&result.out, &result.err}) {
    if (stream->blob) refs.push_back(*stream->blob);
  }
  for (const Artifact& artifact : result.artifacts) {
    if (artifact.blob) refs.push_back(*artifact.blob);
  }
  return refs;
}

}  // namespace kiln::model
