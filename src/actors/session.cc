// The session: the worker's end of the lease protocol. core::WorkerSession decides; this actor owns
// the link to the broker, feeds it what comes and carries out what it wants. What a new executor
// does not know ends as our own failure; after a new streamer the broker is told hello again, since
// with that it says anew what it watches.
#include "actors/actor.h"
#include "core/worker_session.h"
#include "net/codec.h"

namespace kiln::actors {
namespace {

struct SessionState {
  static inline const char* name = "session";
  SessionActor::stateful_pointer<SessionState> self = nullptr;
  WorkerWiring wiring;
  std::function<void()> on_left;
  WorkerInsight insight;
  std::optional<core::WorkerSession> session;
  Alarm alarm;
  std::unique_ptr<net::DealerLink> link;
  BlobAnswers blob_answers;  // made while one batch is taken

  SessionState() = default;
  SessionState(const SessionState&) = delete;
  SessionState& operator=(const SessionState&) = delete;
  // What was said last (goodbye) goes out.
  ~SessionState() {
    if (link) link->stop();
  }

  static MonoTime now() { return real_now().mono; }

  void wire(const WorkerWiring& now_wired) {
    const WorkerWiring before = std::exchange(wiring, now_wired);
    if (before.executor && before.executor != wiring.executor) end_what_runs();
    if (before.streamer && before.streamer != wiring.streamer && link) {
      apply(session->connected(now()));
    }
  }

  void end_what_runs() {
    model::TaskResult result;
    result.verdict = model::Verdict::infrastructure_error;
    result.message = "the worker's executor failed while the task ran";
    const auto bytes = std::make_shared<std::string>(net::encode_result(result));
    for (const model::LeaseRef& lease : session->running_leases()) {
      apply(session->ended(lease, result.verdict, bytes, now()));
    }
  }

  LinkOpened open(const OpenLink& wanted) {
    const auto actor = caf::actor_cast<SessionActor>(self);
    net::LinkHandlers handlers;
    handlers.on_connected = [actor] { caf::anon_send(actor, LinkUpAtom::value); };
    handlers.on_batch = [actor](std::vector<std::string> messages) {
      caf::anon_send(actor, FromBrokerBatch{std::move(messages)});
    };
    handlers.on_refused = [](const Error& why) {
      log::failure(log::Level::warning, "the broker does not let this worker in", why);
    };
    auto started = net::DealerLink::start(wanted.endpoint, std::move(handlers), wanted.keys);
    if (!started) return {std::move(started).error()};
    link = std::move(started).value();
    return {};
  }

  void take(const FromBrokerBatch& batch) {
    for (const std::string& bytes : batch.messages) {
      auto message = net::decode_to_worker(bytes);
      if (message) {
        carry_out(session->received(*message, now()));
        keep_blob_answer(*message);
      } else {
        log::failure(log::Level::warning, "a message of the broker was refused", message.error());
      }
    }
    if (!blob_answers.answers.empty()) {
      caf::anon_send(wiring.transfers, std::exchange(blob_answers, {}));
    }
    set_alarm();
  }

  void keep_blob_answer(model::ToWorker& message) {
    if (std::holds_alternative<model::BlobOk>(message) ||
        std::holds_alternative<model::BlobError>(message)) {
      blob_answers.answers.push_back(std::move(message));
    }
  }

  // Likewise: transfers asks again.
  void send_blobs(BlobMessages& batch) {
    if (!session->serving()) return;
    std::vector<std::string> messages;
    for (const model::FromWorker& message : batch.messages)
      messages.push_back(net::encode(message));
    link->send(std::move(messages));
  }

  // Output goes out at once or not at all: nobody waits for it.
  void send_output(OutputBatch& batch) {
    if (!session->serving()) return;
    std::vector<std::string> messages;
    for (model::Output& output : batch.output) {
      messages.push_back(net::encode(model::FromWorker(std::move(output))));
    }
    link->send(std::move(messages));
  }

  void carry_out(core::SessionEffects effects) {
    std::vector<std::string> messages;
    for (core::SessionEffect& effect : effects) {
      if (auto* tell = std::get_if<core::Tell>(&effect)) {
        messages.push_back(net::encode(tell->message));
      } else {
        act(effect);
      }
    }
    if (!messages.empty()) link->send(std::move(messages));
  }

  void act(core::SessionEffect& effect) {
    if (auto* start = std::get_if<core::StartTask>(&effect)) {
      caf::anon_send(wiring.executor, RunTask{std::move(start->assign)});
    } else if (const auto* kill = std::get_if<core::KillTask>(&effect)) {
      caf::anon_send(wiring.executor, StopTask{kill->lease});
    } else if (const auto* watch = std::get_if<core::SetWatch>(&effect)) {
      caf::anon_send(wiring.executor, WatchChange{watch->lease, watch->on});
    } else if (std::holds_alternative<core::Reconnect>(effect)) {
      log::warning("the broker is silent; connecting again");
      link->reconnect();
    } else if (std::holds_alternative<core::Leave>(effect) && on_left) {
      on_left();
    }
  }

  void apply(core::SessionEffects effects) {
    carry_out(std::move(effects));
    set_alarm();
  }

  // After every event.
  void set_alarm() {
    tell_readiness();
    alarm.set(self, session->next_deadline());
  }

  void tell_readiness() const {
    insight.readiness->moved(now());
    if (session->serving()) return insight.readiness->works(kBrokerPart);
    insight.readiness->fails(kBrokerPart, "no broker has welcomed this worker");
  }

  void tick() {
    if (alarm.ring()) apply(session->tick(now()));
  }

  void started(const model::LeaseRef& lease) { apply(session->started(lease, now())); }

  void finished(TaskFinished& finished) {
    apply(session->ended(finished.lease, finished.verdict, std::move(finished.result), now()));
  }
};

SessionActor::behavior_type session(SessionActor::stateful_pointer<SessionState> self,
                                    core::WorkerOptions options, std::function<void()> on_left,
                                    WorkerInsight insight) {
  end_on_failure(self, "session");
  self->state.self = self;
  self->state.on_left = std::move(on_left);
  self->state.insight = std::move(insight);
  self->state.session.emplace(std::move(options));
  return {
      [=](const WorkerWiring& wiring) { self->state.wire(wiring); },
      [=](const OpenLink& wanted) { return self->state.open(wanted); },
      [=](LinkUpAtom) { self->state.apply(self->state.session->connected(SessionState::now())); },
      [=](const FromBrokerBatch& batch) { self->state.take(batch); },
      [=](const TaskStarted& started) { self->state.started(started.lease); },
      [=](TaskFinished& finished) { self->state.finished(finished); },
      [=](OutputBatch& batch) { self->state.send_output(batch); },
      [=](BlobMessages& batch) { self->state.send_blobs(batch); },
      [=](TickAtom) { self->state.tick(); },
      [=](DrainAtom) { self->state.apply(self->state.session->drain()); },
  };
}

}  // namespace

SessionActor spawn_session(caf::actor_system& system, core::WorkerOptions options,
                           std::function<void()> on_left, WorkerInsight insight) {
  return system.spawn(session, std::move(options), std::move(on_left), std::move(insight));
}

}  // namespace kiln::actors
