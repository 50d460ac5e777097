// The text of one log line, without its end.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "log/log.h"

namespace kiln::log {

struct Line {
  WallTime time{};
  Level level = Level::info;
  std::string_view process;
  int64_t pid = 0;
  std::string_view message;
  Fields fields;
  bool is_event = false;  // see log::event
};

std::string json_line(const Line& line);
// "03:04:05.678 broker warning: message key=value"; control characters are escaped, so that what a
// stranger sends cannot move the cursor.
std::string readable_line(const Line& line);

}  // namespace kiln::log
