// Streams: live output to whoever watches. core::StreamHub decides; this actor turns its events
// into messages and tells the queue of tasks that nobody watches any more. A
// scheduler that was loaded anew is told who watches what, and from where on.
#include "actors/actor.h"
#include "actors/answers.h"
#include "actors/watches.h"
#include "core/stream_hub.h"

namespace kiln::actors {
namespace {

const char* kind_of(core::StreamEvent::Kind kind) {
  switch (kind) {
    case core::StreamEvent::Kind::output:
      return "output";
    case core::StreamEvent::Kind::attempt:
      return "attempt";
    case core::StreamEvent::Kind::gap:
      return "gap";
    case core::StreamEvent::Kind::end:
      return "end";
  }
  return "";
}

net::Event event_of(core::StreamEvent&& event) {
  net::Event made;
  made.id = event.id;
  made.kind = kind_of(event.kind);
  made.attempt = event.attempt;
  made.offset = event.offset;
  made.stream = event.stream;
  made.data = std::move(event.data);
  if (event.row) made.task = task_info(*event.row);
  return made;
}

struct StreamsState {
  static inline const char* name = "streams";
  core::StreamHub hub;
  BrokerWiring wiring;

  void watch_again() {
    CommandBatch commands;
    for (core::Subscribe& one : hub.subscriptions()) {
      one.client.rid = kNoAnswer;
      commands.commands.emplace_back(std::move(one));
    }
    if (!commands.commands.empty()) caf::anon_send(wiring.queue, std::move(commands));
  }

  void apply(const StreamBatch& batch) {
    ClientEvents events;
    CommandBatch commands;
    for (const core::StreamNews& news : batch.news) {
      core::StreamHub::Outcome outcome = hub.apply(news);
      add(std::move(outcome.events), events);
      for (core::Unwatched& one : outcome.unwatched) commands.commands.emplace_back(one);
    }
    if (!commands.commands.empty()) caf::anon_send(wiring.queue, std::move(commands));
    send(std::move(events));
  }

  void output(const WorkerOutputBatch& batch) {
    ClientEvents events;
    for (const WorkerOutput& one : batch.output) add(hub.output(one.worker, one.chunk), events);
    send(std::move(events));
  }

  static void add(core::StreamHub::Events made, ClientEvents& events) {
    for (core::StreamHub::ToClient& one : made) {
      events.events.push_back({std::move(one.client.route), event_of(std::move(one.event))});
    }
  }
  void send(ClientEvents events) const {
    if (!events.events.empty()) caf::anon_send(wiring.link, std::move(events));
  }
};

StreamsActor::behavior_type streams(StreamsActor::stateful_pointer<StreamsState> self) {
  end_on_failure(self, "streams");
  return {
      [=](const BrokerWiring& wiring) { self->state.wiring = wiring; },
      [=](WatchAgain) { self->state.watch_again(); },
      [=](const StreamBatch& batch) { self->state.apply(batch); },
      [=](const WorkerOutputBatch& batch) { self->state.output(batch); },
  };
}

}  // namespace

StreamsActor spawn_streams(caf::actor_system& system) { return system.spawn(streams); }

}  // namespace kiln::actors
