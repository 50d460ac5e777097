// What the kiln command itself writes: lines for people on standard error, bytes of programs and
// JSON on standard output. Nothing here is buffered.
//
// Threads: say() from any; the rest from one.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace kiln::cli {

// "kiln: <text>" on standard error, one line whatever the text holds.
void say(std::string_view text);
// One line on standard output. Errors: io_error.
Status print_line(std::string_view text);

// How writing a program's bytes ended.
enum class Written : uint8_t {
  all,
  interrupted,  // `wake_fd` became readable first; some bytes may be out
  closed,       // nobody reads there any more (EPIPE; the caller ignores SIGPIPE)
  failed,       // any other error, in errno
};

// Writes all of `bytes` to `fd`, and never waits for a slow reader longer than for `wake_fd` (-1:
// none): pieces of at most PIPE_BUF bytes, each after poll(2) said that there is room, do not block
// (pipe(7)).
Written write_bytes(int fd, std::string_view bytes, int wake_fd);

}  // namespace kiln::cli
