// kiln logs: a task's output, from any byte on; with --follow as it comes, until the task's end.
// Watching changes nothing for the task: Ctrl-C ends the watching alone.
#include <signal.h>

#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/live_output.h"
#include "cli/task_input.h"

namespace kiln::cli {
namespace {

constexpr Duration kQuietTime = std::chrono::milliseconds(500);  // then all so far is here
constexpr Duration kAskAgain = std::chrono::seconds(5);
constexpr Duration kPatience = std::chrono::seconds(60);  // with a broker that is gone

class Watcher {
 public:
  Watcher(net::Client& client, const TaskId& id, const LogsOptions& options)
      : client_(client), id_(id), options_(options), output_(options.json, -1) {}

  int run() {
    if (Status s = subscribe(); !s) return fail(s.error());
    while (!ended_) {
      auto event = client_.next_event(options_.follow ? kAskAgain : kQuietTime);
      if (!event) return fail(event.error());
      if (*event) {
        if (const auto code = take(**event)) return *code;
      } else if (!options_.follow) {
        return kExitOk;
      } else if (Status s = ask_again(); !s) {
        return fail(s.error());
      }
    }
    return finish();
  }

 private:
  Status subscribe() {
    auto answer = client_.request(net::Subscribe{0, id_, output_.next_offset()});
    if (!answer) return std::move(answer).error();
    ended_ = answer->task && is_terminal(answer->task->state);
    return {};
  }

  // Nothing came for a while: a broker that was restarted has forgotten who watches.
  Status ask_again() {
    const Status status = subscribe();
    const MonoTime now = real_now().mono;
    if (status.ok()) {
      silent_since_ = now;
      return status;
    }
    const ErrorCode code = status.error().code;
    const bool may_pass =
        code == ErrorCode::timeout || code == ErrorCode::unavailable || code == ErrorCode::busy;
    return may_pass && now - silent_since_ < kPatience ? Status() : status;
  }

  std::optional<int> take(const net::Event& event) {
    if (event.id != id_) return std::nullopt;
    silent_since_ = real_now().mono;
    if (options_.json) {
      if (Status s = print_line(event_json(event)); !s) return fail(s.error());
    }
    if (event.kind == "end") {
      ended_ = true;
      return std::nullopt;
    }
    return code_of(output_.take(event));
  }

  static std::optional<int> code_of(Written written) {
    if (written == Written::closed) return kExitPipe;
    if (written != Written::failed) return std::nullopt;
    return fail(errno_error(ErrorCode::io_error, "write the program's output", errno));
  }

  // What the events did not bring is in the result; its exit code is ours.
  int finish() {
    const auto answer = client_.request(net::ResultOf{0, id_, 0, false});
    if (!answer) return fail(answer.error());
    const net::TaskInfo task = answer->task.value_or(net::TaskInfo{});
    if (options_.json) {
      if (Status s = print_line(result_json(task, answer->result)); !s) return fail(s.error());
    } else if (answer->result) {
      if (const auto code = code_of(output_.finish(*answer->result))) return *code;
    }
    return exit_code_of(task, answer->result);
  }

  net::Client& client_;
  TaskId id_;
  const LogsOptions& options_;
  LiveOutput output_;
  bool ended_ = false;
  MonoTime silent_since_ = real_now().mono;
};

}  // namespace

int execute(const LogsOptions& options) {
  signal(SIGPIPE, SIG_IGN);
  const auto id = parse_task_id(options.id);
  if (!id) return fail(id.error());
  auto client = connect(options.broker);
  if (!client) return fail(client.error());
  return Watcher(**client, *id, options).run();
}

}  // namespace kiln::cli
