// The line about a finished task that stands on standard error.
#pragma once

#include <string>
#include <vector>

#include "model/result.h"
#include "net/protocol.h"

namespace kiln::cli {

// "ok, wall 0.021 s, cpu 0.015 s, peak memory 9.1 MB, set-up 1.2 ms"; what the kernel did not count
// is left out, the code, signal, limits and message stand where there are any.
std::string receipt(const model::TaskResult& result);

// One line for each thing that happened to a task.
std::vector<std::string> history_lines(const std::vector<net::EventInfo>& history);

// A line on standard error for each thing in /box/out that was not taken.
void say_refused(const model::TaskResult& result);

// What was dropped of a stream beyond its limit, as a sentence; "" if nothing was.
std::string cut_note(const char* stream, const model::StreamOutput& output);

}  // namespace kiln::cli
