// Why an entry of /box/out was not copied out: the one list for launcher and worker.
#pragma once

#include <cstdint>

namespace kiln::sandbox {

// X(name, what is wrong with it)
#define KILN_ARTIFACT_REFUSALS(X)                                      \
  X(name, "its name is not plain UTF-8 text")                          \
  X(path_long, "its path is too long")                                 \
  X(link, "it is a symbolic link")                                     \
  X(fifo, "it is a FIFO")                                              \
  X(socket, "it is a socket")                                          \
  X(device, "it is a device")                                          \
  X(hard_link, "it has several names (hard links)")                    \
  X(not_directory, "it is not a directory")                            \
  X(too_deep, "it lies too deep")                                      \
  X(too_large, "it is too large")                                      \
  X(too_many, "there are too many files")                              \
  X(too_much, "the files are too large together")                      \
  X(unreadable, "it could not be read")                                \
  X(too_many_entries, "there are too many entries: the rest was left") \
  X(not_listed, "as many others were refused, too")

enum class Refusal : uint32_t {
  none = 0,
#define KILN_X(name, words) name,
  KILN_ARTIFACT_REFUSALS(KILN_X)
#undef KILN_X
};
#define KILN_X(name, words) +1
inline constexpr uint32_t kRefusalCount = 1 KILN_ARTIFACT_REFUSALS(KILN_X);
#undef KILN_X

}  // namespace kiln::sandbox
