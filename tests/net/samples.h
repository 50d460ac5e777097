// One sample of each message and of each part that is stored on its own, every field set to
// something other than its default. Golden files, round trips, the fuzzers' seeds and the check of
// malformed bytes all start from these.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace kiln::net {

struct Sample {
  std::string target;  // "from_client", ... : which decoder it is for
  std::string name;    // the tag; of a part its name
  std::string bytes;   // as encode() makes it
  size_t alternative;  // its place in the variant; 0 for a part
};

std::vector<Sample> samples();

// Decodes by the target's decoder and encodes what came out.
Result<std::string> recode(std::string_view target, std::string_view bytes);

}  // namespace kiln::net
