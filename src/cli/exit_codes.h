// What the kiln command's exit code says. The one list; docs and --help refer to it.
#pragma once

#include "base/error.h"
#include "model/result.h"
#include "net/protocol.h"

namespace kiln::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitProgram = 1;    // compile error or output limit
inline constexpr int kExitFindings = 1;   // verify found something wrong
inline constexpr int kExitUsage = 2;      // bad options or bad input
inline constexpr int kExitTimeout = 124;  // wall, CPU or soft time limit
inline constexpr int kExitFailure = 125;  // our own failure, or the environment's
inline constexpr int kExitMemory = 137;
inline constexpr int kExitSignalBase = 128;  // + the signal's number
inline constexpr int kExitCancelled = 130;   // as after Ctrl-C (SIGINT is 2)
inline constexpr int kExitPipe = 141;        // 128 + SIGPIPE: nobody reads our standard output

// As the program ended: its own code where it ended by itself.
int exit_code_of(const model::TaskResult& result);
// Of a task that ended, with the result it may have.
int exit_code_of(const net::TaskInfo& task, const std::optional<model::TaskResult>& result);
// kExitUsage for what the caller can mend by other words, kExitFailure for the rest.
int exit_code_of(const Error& error);

// "kiln: <error on one line>" on standard error; returns exit_code_of(error).
int fail(const Error& error);

}  // namespace kiln::cli
