#include "model/blob.h"

namespace kiln::model {

Status validate(const BlobRef& blob) {
  if (blob.size == 0) {
    return field_error("size", "a blob of 0 bytes makes no sense", "Send what is empty inline");
  }
  if (blob.size <= kMaxBlobBytes) return {};
  return Error{ErrorCode::too_large,
               "a blob has " + std::to_string(blob.size) + " bytes, but at most " +
                   std::to_string(kMaxBlobBytes) + " are accepted",
               "size", "", ""};
}

}  // namespace kiln::model
