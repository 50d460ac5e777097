// The broker's supervisor: starts the actors in the order they need each other (the sockets open
// last, once what is live is loaded), watches them, and ends them in an order that loses nothing:
// first the queue, which commits what it took and answers, then the link, then the rest, and the
// journal last.
//
// An actor that ends unasked takes the broker down with it: the process fails whole, and what it
// had acknowledged is in the store.
#include "actors/actor.h"
#include "store/store.h"

namespace kiln::actors {
namespace {

struct Child {
  const char* name;
  caf::actor handle;
};

struct SupervisorState {
  static inline const char* name = "supervisor";
  BrokerSupervisor::stateful_pointer<SupervisorState> self = nullptr;
  BrokerOptions options;
  std::function<void(Error)> on_fatal;
  QueueActor queue;
  BrokerLinkActor link;
  TelemetryActor telemetry;
  std::vector<Child> children;  // in the order they are to end
  bool stopping = false;

  // --- start

  caf::result<Listening> start() {
    auto promise = self->make_response_promise<Listening>();
    if (Status status = spawn_all(); !status.ok()) {
      promise.deliver(Listening{status.error(), "", ""});
      return promise;
    }
    self->request(queue, caf::infinite, LoadFirst{}).then([this, promise](LoadDone& done) mutable {
      if (done.error) {
        promise.deliver(Listening{done.error, "", ""});
      } else {
        listen(promise);
      }
    });
    return promise;
  }

  void listen(caf::typed_response_promise<Listening> promise) {
    const net::ServerOptions server{options.clients_endpoint, options.workers_endpoint};
    self->request(link, caf::infinite, Listen{server})
        .then([promise](Listening& listening) mutable { promise.deliver(std::move(listening)); });
  }

  Status spawn_all() {
    auto store = options.open_store();
    if (!store) return std::move(store).error();
    std::array<std::unique_ptr<store::Reader>, 3> readers;
    for (auto& reader : readers) {
      auto made = (*store)->reader();
      if (!made) return std::move(made).error();
      reader = std::move(made).value();
    }
    spawn_actors(std::move(store).value(), readers);
    return {};
  }

  void spawn_actors(std::unique_ptr<store::Store> store,
                    std::array<std::unique_ptr<store::Reader>, 3>& readers) {
    caf::actor_system& system = self->system();
    const JournalActor journal = spawn_journal(system, std::move(store), options.open_store);
    queue = spawn_queue(system, journal, std::move(readers[0]));
    link = spawn_broker_link(system, queue, std::move(readers[1]), options.languages);
    const StreamsActor streams = spawn_streams(system, queue, link);
    const RetryActor retry = spawn_retry(system, queue);
    const DeadLetterActor dead_letter = spawn_dead_letter(system, std::move(readers[2]));
    telemetry = spawn_telemetry(system);
    caf::anon_send(link, LinkWiring{streams});
    caf::anon_send(queue, QueueWiring{link, streams, retry, dead_letter, telemetry});
    adopt("queue", queue);
    adopt("broker_link", link);
    adopt("streams", streams);
    adopt("retry", retry);
    adopt("dead_letter", dead_letter);
    adopt("telemetry", telemetry);
    adopt("journal", journal);
  }

  template <class Handle>
  void adopt(const char* child, const Handle& handle) {
    children.push_back({child, caf::actor_cast<caf::actor>(handle)});
    self->monitor(handle);
  }

  // --- end

  void ended(const caf::down_msg& down) {
    const auto child = std::ranges::find_if(
        children, [&](const Child& one) { return one.handle.address() == down.source; });
    if (child == children.end()) return;
    const std::string child_name = child->name;
    children.erase(child);
    if (stopping) return end_next();
    on_fatal(Error{ErrorCode::internal, "the broker's " + child_name + " actor ended", "",
                   self->system().render(down.reason), "start the broker again"});
  }

  void stop() {
    if (stopping) return;
    stopping = true;
    end_next();
  }

  void end_next() {
    if (children.empty()) return self->quit();
    const Child& next = children.front();
    if (next.handle.address() == queue.address()) return caf::anon_send(queue, StopAtom::value);
    self->send_exit(next.handle, caf::exit_reason::user_shutdown);
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
      [=](CountersRequest& request) {
        return self->delegate(self->state.telemetry, std::move(request));
      },
      [=](StopAtom) { self->state.stop(); },
  };
}

}  // namespace

BrokerSupervisor spawn_broker_supervisor(caf::actor_system& system, BrokerOptions options,
                                         std::function<void(Error)> on_fatal) {
  return system.spawn(supervisor, std::move(options), std::move(on_fatal));
}

}  // namespace kiln::actors
