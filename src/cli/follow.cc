#include "cli/follow.h"

#include <signal.h>

#include "base/time.h"
#include "cli/exit_codes.h"
#include "cli/json.h"
#include "cli/live_output.h"
#include "cli/receipt.h"

namespace kiln::cli {
namespace {

constexpr int kNoWake = -1;

class Follower {
 public:
  Follower(net::Client& client, const TaskInput& task, const FollowOptions& options,
           Signals& signals, const FatalCheck& fatal)
      : client_(client),
        input_(task),
        spec_(task.spec),
        options_(options),
        signals_(signals),
        fatal_(fatal),
        output_(options.json, signals.wake_fd()) {}

  int run() {
    signals_.expect_orderly();
    if (Status s = submit(); !s) return fail(s.error());
    while (!ended_) {
      if (Status s = step(); !s) return fail(s.error());
    }
    return finish();
  }

 private:
  // An answer that is late is asked for again: the id makes it the same task.
  Status submit() {
    if (Status s = put_blobs(client_, input_.uploads); !s) return s;
    const net::Submit message{0, spec_, true};
    Result<net::Ok> answer = client_.request(message);
    if (!answer && answer.error().code == ErrorCode::timeout) answer = client_.request(message);
    if (!answer) return std::move(answer).error();
    note_state(answer->task);
    return {};
  }

  Status step() {
    if (std::optional<Error> error = fatal_()) return *std::move(error);
    if (signals_.first() != 0 && !stopping_) stop_task();
    if (stopping_ && real_now().mono > give_up_at_) {
      return Error{ErrorCode::timeout, "the task " + to_string(*spec_.id) + " did not end in time",
                   "", "", "Its state: kiln status " + to_string(*spec_.id)};
    }
    const int wake = stopping_ ? kNoWake : signals_.wake_fd();
    auto event = client_.next_event(kIdleCheck, wake);
    if (!event) return std::move(event).error();
    if (*event) {
      take(**event);
      return {};
    }
    return signals_.first() == 0 || stopping_ ? check_idle() : Status();
  }

  void take(const net::Event& event) {
    if (event.id != *spec_.id) return;
    if (event.kind == "end") {
      note_state(event.task);
      ended_ = true;
    } else if (!stopping_) {
      took(output_.take(event));
    }
  }

  void took(Written written) {
    if (written == Written::closed || written == Written::failed) {
      pipe_closed_ = written == Written::closed;
      write_error_ = errno;
      if (!pipe_closed_) write_failed_ = true;
      stop_task();
    }
  }

  // Nothing came for a while: asks whether the task lives, and for its output from where we are.
  // That also finds a broker that was restarted, which has forgotten who watches.
  Status check_idle() {
    auto answer = client_.request(net::Subscribe{0, *spec_.id, output_.next_offset()});
    if (answer) {
      silent_since_.reset();
      note_state(answer->task);
      return {};
    }
    if (answer.error().code != ErrorCode::timeout &&
        answer.error().code != ErrorCode::unavailable) {
      return std::move(answer).error();
    }
    const MonoTime now = real_now().mono;
    if (!silent_since_) silent_since_ = now;
    if (now - *silent_since_ < kBrokerPatience) return {};
    return Error{ErrorCode::unavailable, "the broker at " + options_.broker + " is gone", "", "",
                 "When it is back: kiln result " + to_string(*spec_.id) + " --wait 60"};
  }

  void note_state(const std::optional<net::TaskInfo>& task) {
    if (!task) return;
    task_ = *task;
    if (is_terminal(task->state)) ended_ = true;
  }

  // Its answer does not matter: what matters is the task's end, and that there may be one already.
  void stop_task() {
    stopping_ = true;
    give_up_at_ = real_now().mono + kCancelPatience;
    const auto answer = client_.request(net::Cancel{0, *spec_.id});
    if (answer) note_state(answer->task);
  }

  int finish() {
    auto answer = client_.request(net::ResultOf{0, *spec_.id, 0});
    if (!answer) return fail(answer.error());
    note_state(answer->task);
    if (answer->result) {
      if (Status s = fetch_output(client_, task_.tenant, *answer->result); !s)
        return fail(s.error());
      if (!stopping_) took(output_.finish(*answer->result));
    }
    const Status written = answer->result ? write_out(*answer->result) : Status();
    if (options_.json) {
      if (Status s = print_line(result_json(task_, answer->result)); !s) return fail(s.error());
    } else if (!options_.quiet) {
      if (answer->result) say_refused(*answer->result);
      say(answer->result ? receipt(*answer->result) : std::string(to_string(task_.state)));
    }
    return written ? exit_code(answer->result) : fail(written.error());
  }

  Status write_out(const model::TaskResult& result) {
    if (!options_.put_artifact) return {};
    Status status = write_artifacts(client_, task_.tenant, result, options_.put_artifact);
    if (!options_.finish_artifacts) return status;
    Status finished = options_.finish_artifacts();
    return status ? finished : status;
  }

  int exit_code(const std::optional<model::TaskResult>& result) const {
    if (write_failed_) {
      return fail(errno_error(ErrorCode::io_error, "write the program's output", write_error_));
    }
    if (pipe_closed_) return kExitPipe;
    if (task_.state == model::TaskState::cancelled && signals_.first() != 0) {
      return kExitSignalBase + signals_.first();
    }
    return exit_code_of(task_, result);
  }

  net::Client& client_;
  const TaskInput& input_;
  const model::TaskSpec& spec_;
  const FollowOptions& options_;
  Signals& signals_;
  const FatalCheck& fatal_;
  LiveOutput output_;
  net::TaskInfo task_;
  bool ended_ = false;
  bool stopping_ = false;
  bool pipe_closed_ = false;
  bool write_failed_ = false;
  int write_error_ = 0;
  MonoTime give_up_at_{};
  std::optional<MonoTime> silent_since_;
};

}  // namespace

int follow_task(net::Client& client, const TaskInput& task, const FollowOptions& options,
                Signals& signals, const FatalCheck& fatal) {
  return Follower(client, task, options, signals, fatal).run();
}

}  // namespace kiln::cli
