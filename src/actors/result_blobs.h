// Which parts of a result travel as blobs. Pure.
#pragma once

#include <map>

#include "base/error.h"
#include "model/records.h"
#include "model/result.h"

namespace kiln::actors {

// Takes what is too large out of the result and leaves a reference in its place.
std::map<model::BlobRef, model::Bytes> take_blobs(model::TaskResult& result);

// These could not be stored: an artifact is refused, with the reason; of a stream the beginning is
// kept, which `taken` still has.
void without(const std::map<Sha256, Error>& refused,
             const std::map<model::BlobRef, model::Bytes>& taken, model::TaskResult& result);

}  // namespace kiln::actors
