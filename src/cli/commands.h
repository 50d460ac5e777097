// The sub-commands, one function each: each takes its options and returns kiln's exit code.
#pragma once

#include "cli/arguments.h"

namespace kiln::cli {

int execute(const RunOptions& options);
int execute(const ServeOptions& options);
int execute(const BrokerCommand& options);
int execute(const WorkerCommand& options);
int execute(const SubmitOptions& options);
int execute(const StatusOptions& options);
int execute(const ResultOptions& options);
int execute(const CancelOptions& options);
int execute(const RetryOptions& options);
int execute(const LogsOptions& options);
int execute(const ListOptions& options);
int execute(const QueuesOptions& options);
int execute(const WorkersOptions& options);
int execute(const DeadLettersOptions& options);
int execute(const KeygenOptions& options);
int execute(const VerifyOptions& options);
int execute(const BenchOptions& options);
int execute(const DoctorOptions& options);

}  // namespace kiln::cli
