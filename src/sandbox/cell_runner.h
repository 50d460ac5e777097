// The worker's side of the sandbox: runs programs in single-use cells and tells how they ended.
//
// A CellRunner owns a thread that talks to kiln-launcher over a SOCK_SEQPACKET socket (the
// launcher's monitor hands over a new socket each time it restarts the launcher), reads the
// programs' output pipes and calls the handlers. One cell is one request: arguments, environment,
// limits, files to put in. Time limits, CPU, memory and the end of a cell are watched by the
// launcher; output is read, counted and capped here, and a program far above its cap is killed
// through the launcher.
//
// Threads: run(), kill() and stop() from any thread; handlers are called on the runner's thread,
// must not block, and are never called after stop() returned. For each run() there is exactly one
// on_finished, whatever happens (launcher death: Verdict::infrastructure_error).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "model/limits.h"
#include "model/result.h"
#include "model/syscall_profile.h"
#include "model/task.h"
#include "model/warm_start.h"

namespace kiln::sandbox {

inline constexpr std::chrono::seconds kLauncherStartTimeout{30};

using CellId = uint64_t;  // chosen by the caller; unique among cells that have not finished

struct CellRequest {
  std::vector<std::string> argv;        // argv[0] is an absolute path inside the cell
  std::vector<model::EnvVar> env;       // exactly this environment
  std::vector<model::InputFile> files;  // put into /box before the program starts, mode 0644
  // Put into /box, too, mode 0555: the cell's user may run and read them, and cannot change them.
  std::vector<model::InputFile> programs;
  std::string stdin_bytes;  // the program's standard input, then end of file
  model::Limits limits;
  model::SyscallProfile syscalls = model::SyscallProfile::base;
  // Forked from a warm interpreter where that makes no difference but speed; argv is the command
  // that would start it cold. 0: never; n: the nth of MonitorOptions::images.
  uint32_t image = 0;
  // Makes /box/out, and copies out what is there at the end: limits.artifact_files of them, each no
  // larger than this, limits.artifact_bytes together. 0: nothing is copied out.
  uint64_t collect_file_bytes = 0;
};

enum class Stream : uint8_t { out = 1, err = 2 };

struct CellHandlers {
  // The program was started (its wall time runs from now).
  std::function<void(CellId)> on_started;
  // Output as it comes, before the cap cuts; `offset` counts the stream's bytes. Only while kept.
  std::function<void(CellId, Stream, uint64_t offset, std::string_view bytes)> on_output;
  // All of the cell is dead and gone. The result is complete, output included.
  std::function<void(CellId, model::TaskResult)> on_finished;
  // A launcher is ready, or none is any more. May be absent.
  std::function<void(bool ready)> on_launcher = nullptr;
  // So many cells wait for a request, and these were made since the last call, each in so many
  // microseconds. After the event, when the launcher has time. May be absent.
  std::function<void(uint32_t ready, std::span<const int64_t> build_us)> on_pool = nullptr;
  // How a program that was asked for warm was started; after its end. May be absent.
  std::function<void(model::WarmStart start)> on_start_kind = nullptr;
  // Programs of this image start warm from now on, or none do. `missing`: so many of its modules
  // could not be imported; not ready with some missing: it is not kept, for want of all of its own.
  // May be absent.
  std::function<void(uint32_t image, bool ready, uint32_t missing)> on_image = nullptr;
};

struct RunnerOptions {
  // The monitor's end of the control socket (see monitor.h): each launcher life sends one
  // descriptor.
  UniqueFd monitor_socket;
};

enum class KillReason : uint8_t { cancelled, shutdown };

class CellRunner {
 public:
  // Waits (at most kLauncherStartTimeout) until a launcher says that it is ready: its self-test
  // built a cell whole. Errors: sandbox, with the step that failed, why, and what to do.
  static Result<std::unique_ptr<CellRunner>> start(RunnerOptions options, CellHandlers handlers);
  ~CellRunner();
  CellRunner(const CellRunner&) = delete;
  CellRunner& operator=(const CellRunner&) = delete;

  void run(CellId id, CellRequest request);
  // The cell dies at once; its result comes with Verdict::cancelled. No cell with this id: nothing.
  void kill(CellId id, KillReason reason);
  // Kills all cells and joins the thread.
  void stop();

 private:
  class Impl;
  explicit CellRunner(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kiln::sandbox
