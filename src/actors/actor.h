// What every actor here has in common. Only actors/*.cc include this.
#pragma once

#include <algorithm>
#include <exception>
#include <optional>
#include <string>

#include "actors/interfaces.h"
#include "log/log.h"

namespace kiln::actors {

// An actor that throws or is told of an error it does not handle ends; its supervisor hears of it.
// (CAF's default prints and goes on.) Call first in an actor's behavior.
template <class Actor>
void end_on_failure(Actor* self, const char* name) {
  self->set_exception_handler([name](caf::scheduled_actor*, std::exception_ptr& thrown) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& exception) {
      log::error("an actor failed", {{"actor", name}, {"cause", exception.what()}});
    } catch (...) {
      log::error("an actor failed", {{"actor", name}, {"cause", "unknown exception"}});
    }
    return caf::make_error(caf::exit_reason::unhandled_exception);
  });
  self->set_error_handler([name](caf::scheduled_actor* actor, caf::error& error) {
    log::error("an actor failed", {{"actor", name}, {"cause", actor->system().render(error)}});
    actor->quit(std::move(error));
  });
}

// One timer of an actor: it sends itself TickAtom at the soonest time asked for. A tick that a
// sooner one has replaced still comes, and is told apart by ring(): else each would set a timer of
// its own.
class Alarm {
 public:
  template <class Self>
  void set(Self* self, MonoTime due) {
    if (at_ && *at_ <= due) return;
    at_ = due;
    self->delayed_send(self, std::max(due - real_now().mono, Duration(0)), TickAtom::value);
  }
  // A tick came. False: it is not the one that is due.
  bool ring() {
    if (at_ && real_now().mono < *at_) return false;
    at_.reset();
    return true;
  }

 private:
  std::optional<MonoTime> at_;
};

// Nobody starts a supervisor again: when it fails, so does the node.
template <class Handle>
void supervise_supervisor(const Handle& supervisor, std::function<void(Error)> on_fatal) {
  caf::actor_cast<caf::abstract_actor*>(supervisor)
      ->attach_functor([on_fatal = std::move(on_fatal)](const caf::error& reason) {
        if (!reason || reason == caf::exit_reason::normal) return;
        on_fatal(Error{ErrorCode::internal, "the supervisor of the actors failed", "",
                       caf::to_string(reason), "start the process again"});
      });
}

}  // namespace kiln::actors
