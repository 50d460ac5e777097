// The first look at bytes from a peer: are they one msgpack object that stays inside our bounds?
#pragma once

#include <string_view>

#include "base/error.h"

namespace kiln::net {

// Size, depth, number of values, each container's claim against the bytes that are left, keys that
// are strings and stand once in their map, one object and nothing after it. Allocates nothing that
// grows with a claim; what it holds is bounded by kMaxDepth * kMaxMapItems keys. Errors: malformed,
// too_large.
Status check_bytes(std::string_view bytes);

}  // namespace kiln::net
