#include "sandbox/runner_job.h"

#include <fcntl.h>

#include <cerrno>

#include "sandbox/memory_file.h"

namespace kiln::sandbox {
namespace {

// Only our end is non-blocking: the flag belongs to the open file, and the two ends are two of
// them.
Status make_pipe(int64_t keep, OutputStream& stream, UniqueFd& writer) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return errno_error(ErrorCode::sandbox, "make a pipe", errno);
  UniqueFd reader(ends[0]);
  writer.reset(ends[1]);
  if (::fcntl(reader.get(), F_SETFL, O_NONBLOCK) != 0) {
    return errno_error(ErrorCode::sandbox, "make a pipe non-blocking", errno);
  }
  stream = OutputStream(std::move(reader), keep);
  return {};
}

Status fill(RunnerJob& job, CellId id, const CellRequest& request) {
  auto encoded = wire::encode_run(id, request);
  if (!encoded) return std::move(encoded).error();
  job.run = encoded->run;
  auto payload = make_memory_file("kiln-payload", encoded->payload);
  if (!payload) return std::move(payload).error();
  auto input = make_memory_file("kiln-stdin", request.stdin_bytes);
  if (!input) return std::move(input).error();
  job.fds[wire::kPayloadFd] = std::move(*payload);
  job.fds[wire::kStdinFd] = std::move(*input);
  const int64_t keep = request.limits.output_bytes;
  if (Status s = make_pipe(keep, job.out, job.fds[wire::kStdoutFd]); !s) return s;
  return make_pipe(keep, job.err, job.fds[wire::kStderrFd]);
}

}  // namespace

RunnerJob make_job(CellId id, const CellRequest& request, int64_t now_us) {
  RunnerJob job;
  job.requested_us = now_us;
  job.run.limits = request.limits;
  if (Status status = fill(job, id, request); !status) job.refusal = status.error().text();
  return job;
}

}  // namespace kiln::sandbox
