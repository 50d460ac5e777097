// The broker's supervisor: starts the actors (the sockets open last, once what is live is loaded),
// watches them and starts again those that end unasked (supervision.h). At the end it stops them in
// an order that loses nothing: first the queue, which commits what it took and answers, then the
// link, then the sockets, which send what is left, and the journal last.
//
// No actor but the queue holds truth, and the queue's is in the store: what ends is started empty
// and told where the others are; each of them mends what was lost on the way (see `wire` in each).
#include "actors/broker_sockets.h"
#include "actors/supervision.h"
#include "store/store.h"

namespace kiln::actors {
namespace {

constexpr const char* kQueue = "queue";
constexpr const char* kLink = "broker_link";
constexpr Duration kSampleTime = std::chrono::seconds(2);

struct SupervisorState {
  static inline const char* name = "supervisor";
  BrokerSupervisor::stateful_pointer<SupervisorState> self = nullptr;
  BrokerOptions options;
  std::function<void(Error)> on_fatal;
  std::shared_ptr<BrokerSockets> sockets = std::make_shared<BrokerSockets>();
  std::array<SharedReader, 5> readers;  // of queue, broker_link, dead_letter, reader, blobs
  BrokerWiring wiring;
  Children children;
  core::RestartPolicy restarts;
  bool stopping = false;

  // --- start

  caf::result<Listening> start() {
    auto promise = self->make_response_promise<Listening>();
    if (Status status = start_children(); !status.ok()) {
      promise.deliver(Listening{status.error(), "", ""});
      return promise;
    }
    self->request(wiring.queue, caf::infinite, LoadFirst{})
        .then(
            [this, promise](LoadDone& done) mutable {
              promise.deliver(done.error ? Listening{done.error, "", ""} : listen());
            },
            [this, promise](const caf::error& error) mutable {
              promise.deliver(Listening{Error{ErrorCode::internal, "the queue failed", "",
                                              self->system().render(error), ""},
                                        "", ""});
            });
    return promise;
  }

  Listening listen() {
    Listening listening = sockets->listen(
        {options.clients_endpoint, options.workers_endpoint, options.keys, options.insecure});
    if (!listening.error) options.insight.readiness->works(kSocketsPart);
    return listening;
  }

  void close_sockets() {
    options.insight.readiness->fails(kSocketsPart, "they are closed");
    sockets->close();
  }

  Status start_children() {
    auto store = options.open_store();
    if (!store) return std::move(store).error();
    for (SharedReader& reader : readers) {
      auto made = (*store)->reader();
      if (!made) return std::move(made).error();
      reader = std::move(made).value();
    }
    add_children(std::move(store).value());
    wire_all();
    return {};
  }

  // The order is that of their ends.
  void add_children(std::unique_ptr<store::Store> store) {
    auto first_store = std::make_shared<std::unique_ptr<store::Store>>(std::move(store));
    caf::actor_system& system = self->system();
    add(kQueue, wiring.queue, [this, &system] {
      return spawn_queue(system, readers[0], options.cache, options.insight);
    });
    add(kLink, wiring.link, [this, &system] {
      return spawn_broker_link(system, readers[1], sockets, options.languages);
    });
    add("reader", wiring.reader,
        [&system, reader = readers[3]] { return spawn_reader(system, reader); });
    add("streams", wiring.streams, [&system] { return spawn_streams(system); });
    add("retry", wiring.retry, [&system] { return spawn_retry(system); });
    add("dead_letter", wiring.dead_letter,
        [this, &system] { return spawn_dead_letter(system, readers[2], options.alert_command); });
    add("blobs", wiring.blobs,
        [this, &system] { return spawn_blobs(system, readers[4], options.blob_space); });
    add("telemetry", wiring.telemetry,
        [this, &system] { return spawn_telemetry(system, options.insight.counted); });
    // The first one gets the open store, a later one opens it anew.
    add("journal", wiring.journal, [this, &system, first_store] {
      return spawn_journal(system, std::move(*first_store), options.open_store, options.insight);
    });
  }

  template <class Handle, class Spawn>
  void add(const char* child, Handle& place, Spawn spawn) {
    children.add(child, [this, &place, spawn] {
      place = spawn();
      self->monitor(place);
      // Before anybody else hears of it: else it could be asked before it knows whom to answer.
      constexpr bool kStandsAlone =
          std::is_same_v<Handle, JournalActor> || std::is_same_v<Handle, TelemetryActor>;
      if constexpr (!kStandsAlone) caf::anon_send(place, wiring);
      return caf::actor_cast<caf::actor>(place);
    });
  }

  void wire_all() {
    caf::anon_send(wiring.queue, wiring);
    caf::anon_send(wiring.link, wiring);
    caf::anon_send(wiring.reader, wiring);
    caf::anon_send(wiring.streams, wiring);
    caf::anon_send(wiring.retry, wiring);
    caf::anon_send(wiring.dead_letter, wiring);
    caf::anon_send(wiring.blobs, wiring);
  }

  // --- a child ends

  void ended(const caf::down_msg& down) {
    const Child* child = children.ended(down.source);
    if (!child) return;
    if (!stopping) return restart_later(self, restarts, child->name, down.reason, on_fatal);
    if (child->name == kLink) close_sockets();
    end_next();
  }

  void start_again(const std::string& child) {
    if (stopping || !children.start_again(child)) return;
    wire_all();
    // The answer is of no use: until it could load, a queue tries again by itself.
    if (child == kQueue) caf::anon_send(wiring.queue, LoadFirst{});
  }

  // A queue that does not answer in time has no sample: a scrape must not hang.
  caf::result<Sample> sample() {
    auto promise = self->make_response_promise<Sample>();
    self->request(wiring.queue, kSampleTime, SampleRequest{})
        .then(
            [this, promise](Sample& taken) mutable {
              if (taken.sample) sockets->add_to(*taken.sample);
              promise.deliver(std::move(taken));
            },
            [promise](const caf::error&) mutable { promise.deliver(Sample{}); });
    return promise;
  }

  bool crash(const std::string& child_name) {
    const Child* child = children.find(child_name);
    if (!child || !child->handle) return false;
    self->send_exit(child->handle, caf::exit_reason::kill);
    return true;
  }

  // --- end

  void stop() {
    if (stopping) return;
    stopping = true;
    end_next();
  }

  void end_next() {
    const Child* next = children.first();
    if (!next) {
      close_sockets();
      wiring = {};
      return self->quit();
    }
    if (next->name == kQueue) return caf::anon_send(wiring.queue, StopAtom::value);
    self->send_exit(next->handle, caf::exit_reason::user_shutdown);
  }
};

BrokerSupervisor::behavior_type supervisor(BrokerSupervisor::stateful_pointer<SupervisorState> self,
                                           BrokerOptions options,
                                           std::function<void(Error)> on_fatal) {
  end_on_failure(self, "supervisor");
  SupervisorState& state = self->state;
  state.self = self;
  state.options = std::move(options);
  state.on_fatal = std::move(on_fatal);
  self->set_down_handler([=](const caf::down_msg& down) { self->state.ended(down); });
  return {
      [=](StartBroker&) { return self->state.start(); },
      [=](SampleRequest&) { return self->state.sample(); },
      [=](const StartChild& start) { self->state.start_again(start.child); },
      [=](const CrashChild& crash) { return self->state.crash(crash.child); },
      [=](StopAtom) { self->state.stop(); },
  };
}

}  // namespace

BrokerSupervisor spawn_broker_supervisor(caf::actor_system& system, BrokerOptions options,
                                         std::function<void(Error)> on_fatal) {
  return system.spawn(supervisor, std::move(options), std::move(on_fatal));
}

}  // namespace kiln::actors
