// What the two supervisors have in common: their children, each with the way to start it, and the
// limit on starting them again. One-for-one: a child that ends unasked is started anew by itself,
// after a short wait; too many such ends mean that it does not help, and the whole node fails.
// Only actors/*.cc include this (CAF).
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "actors/actor.h"
#include "core/restart_policy.h"

namespace kiln::actors {

struct Child {
  std::string name;
  // Spawns it, puts its handle into the wiring, and watches it.
  std::function<caf::actor()> start;
  caf::actor handle;  // null: it ended and is not started again yet
};

class Children {
 public:
  // In the order they are to end.
  void add(std::string name, std::function<caf::actor()> start) {
    caf::actor handle = start();
    children_.push_back({std::move(name), std::move(start), std::move(handle)});
  }

  // It ended; the child, or null when it was none of ours.
  Child* ended(const caf::actor_addr& address) {
    const auto child = std::ranges::find_if(
        children_, [&](const Child& one) { return one.handle && one.handle.address() == address; });
    if (child == children_.end()) return nullptr;
    child->handle = nullptr;
    return &*child;
  }

  bool start_again(const std::string& name) {
    Child* child = find(name);
    if (!child || child->handle) return false;
    child->handle = child->start();
    return true;
  }

  Child* find(const std::string& name) {
    const auto child = std::ranges::find(children_, name, &Child::name);
    return child == children_.end() ? nullptr : &*child;
  }

  // Of those that live: the first, or null.
  Child* first() {
    const auto child =
        std::ranges::find_if(children_, [](const Child& one) { return bool{one.handle}; });
    return child == children_.end() ? nullptr : &*child;
  }

  template <class Visit>
  void for_each_live(Visit visit) {
    for (const Child& child : children_) {
      if (child.handle) visit(child.handle);
    }
  }

 private:
  std::vector<Child> children_;
};

// What a supervisor does when a child has ended unasked: in a while it is sent StartChild, or
// `on_fatal` is called.
template <class Supervisor>
void restart_later(Supervisor* self, core::RestartPolicy& policy, const std::string& child,
                   const caf::error& reason, const std::function<void(Error)>& on_fatal) {
  const std::string cause = self->system().render(reason);
  const auto wait = policy.failed(real_now().mono);
  if (!wait) {
    return on_fatal(Error{ErrorCode::internal,
                          "the actor " + child + " ended " + std::to_string(policy.recent()) +
                              " times in a short while",
                          "", cause, "start the process again; its log says what failed"});
  }
  log::error("an actor ended; it is started again",
             {{"actor", child}, {"cause", cause}, {"restarts", policy.recent()}});
  self->delayed_send(self, *wait, StartChild{child});
}

}  // namespace kiln::actors
