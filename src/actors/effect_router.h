// Takes the scheduler's effects to the actors that carry them out: one message to each per flush,
// whatever the number of effects. One owner (the queue actor).
#pragma once

#include "actors/interfaces.h"
#include "actors/watches.h"

namespace kiln::actors {

// Whom a command is to be answered to; null for commands that are not a client's.
const core::ClientRef* client_of(const core::Command& command);
// What a client hears when the broker cannot take its request now.
Error busy_error(std::string cause);

class EffectRouter {
 public:
  // Where the actors are, from now on. Until the first call nothing is to be routed.
  void wire(BrokerWiring wiring) { wiring_ = std::move(wiring); }
  // Effects that may be carried out now, in order (never a Persist).
  void route(core::Effects effects);
  void reply(const core::ClientRef& client, Error error);
  // Streams hear of a lease before the worker does, so that no output comes too early.
  void flush();
  // Who watches what, by all that was routed.
  const Watches& watches() const { return watches_; }

 private:
  void route_one(core::Publish publish);
  void route_one(core::Schedule schedule);
  void route_one(core::Count count);
  void route_one(core::Waited waited);
  void route_one(core::AttemptEnded ended);
  void route_one(core::WorkerGone gone);
  void route_one(core::Send send);
  void route_one(core::Cancel cancel);
  void route_one(core::Reply reply);
  void route_one(core::Persist persist);
  void route_one(core::WorkerBlob wanted);

  BrokerWiring wiring_;
  Watches watches_;
  EffectBatch link_;
  StreamBatch streams_;
  ScheduleBatch retry_;
  DeadBatch dead_;
  FactBatch telemetry_;
  BlobRequests blobs_;
};

}  // namespace kiln::actors
