// What each fuzz target does with its input: decode it; what is accepted must encode to bytes that
// are accepted too and encode to themselves. A breach ends the process. The libFuzzer binaries and
// the replay of the corpus in ordinary builds share this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kiln::net {

inline constexpr std::string_view kFuzzTargets[] = {"from_client", "to_client", "from_worker",
                                                    "to_worker",   "program",   "result"};

// `target` is one of kFuzzTargets.
void fuzz_decoder(std::string_view target, std::string_view bytes);

}  // namespace kiln::net

// NOLINTNEXTLINE: libFuzzer gives the name
#define KILN_FUZZ_TARGET(name)                                                  \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);      \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {     \
    kiln::net::fuzz_decoder(name, {reinterpret_cast<const char*>(data), size}); \
    return 0;                                                                   \
  }
