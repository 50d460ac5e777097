// The broker's link to the outside: decodes and checks what comes, encodes what goes. What clients
// ask for becomes commands for the queue, one message for each batch drained from the sockets; a
// worker's output goes to streams directly, before the rest of its batch goes to the queue, so that
// output always comes before the end of its task. Answers about tasks that are not live, and
// programs to assign, are read from the store here, off the queue's path.
//
// What clients have waiting in this actor's mailbox is bounded by an Intake: above the bound the
// transport's thread answers `busy` itself.
//
// When the queue, the reader, dead_letter or blobs is started anew, the requests that may have been
// with the old one are answered `busy`. A new link does not know which connection is which worker:
// it has each say hello.
#include "actors/actor.h"
#include "actors/answers.h"
#include "actors/broker_sockets.h"
#include "actors/effect_router.h"
#include "actors/intake.h"
#include "actors/open_requests.h"
#include "actors/peers.h"
#include "actors/program_cache.h"
#include "actors/requests.h"

namespace kiln::actors {
namespace {

constexpr size_t kProgramCacheBytes = size_t{64} << 20U;
constexpr size_t kMaxOpenRequests = 100'000;

struct LinkState {
  static inline const char* name = "broker_link";
  BrokerLinkActor::stateful_pointer<LinkState> self = nullptr;
  BrokerWiring wiring;
  std::optional<Requests> requests;
  std::optional<Answers> answers;
  OpenRequests open_requests;
  ProgramCache programs{kProgramCacheBytes};
  Peers peers;
  std::shared_ptr<Intake> intake = std::make_shared<Intake>();
  std::shared_ptr<BrokerSockets> sockets;
  // Made while one message is handled, sent at its end.
  std::vector<net::Outbound> outbound;
  CommandBatch commands;
  WorkerOutputBatch output;
  ReadBatch reads;
  BlobRequests blobs;

  void wire(const BrokerWiring& now) {
    // Which of them had which request is not known.
    const bool lost = (wiring.queue && wiring.queue != now.queue) ||
                      (wiring.reader && wiring.reader != now.reader) ||
                      (wiring.dead_letter && wiring.dead_letter != now.dead_letter) ||
                      (wiring.blobs && wiring.blobs != now.blobs);
    wiring = now;
    if (!lost) return;
    for (const core::ClientRef& client : open_requests.take_all()) {
      to_client(client.route,
                net::ErrorReply{client.rid, busy_error("a part of it has just failed")});
    }
    flush();
  }

  void flush() {
    if (!output.output.empty()) caf::anon_send(wiring.streams, std::exchange(output, {}));
    if (!reads.replies.empty()) caf::anon_send(wiring.reader, std::exchange(reads, {}));
    if (!blobs.requests.empty()) caf::anon_send(wiring.blobs, std::exchange(blobs, {}));
    if (!commands.commands.empty()) caf::anon_send(wiring.queue, std::exchange(commands, {}));
    if (!outbound.empty()) sockets->send(std::exchange(outbound, {}));
  }

  // --- from outside

  void take(InboundBatch& batch) {
    for (net::Inbound& message : batch.messages) {
      if (message.peer == net::Peer::client) {
        from_client(message);
      } else {
        from_worker(message);
      }
      intake->done(message);
    }
    flush();
  }

  void from_client(const net::Inbound& message) {
    auto decoded = net::decode_from_client(message.bytes);
    if (!decoded) {
      sockets->count_malformed();
      return to_client(message.route,
                       net::ErrorReply{net::peek_rid(message.bytes), std::move(decoded).error()});
    }
    const uint64_t rid = rid_of(*decoded);
    Request request =
        requests->make(std::move(*decoded), message.route, *message.sender, real_now().wall);
    if (auto* error = std::get_if<Error>(&request)) {
      return to_client(message.route, net::ErrorReply{rid, std::move(*error)});
    }
    if (auto* ok = std::get_if<net::Ok>(&request)) {
      ok->rid = rid;
      return to_client(message.route, std::move(*ok));
    }
    if (open_requests.size() >= kMaxOpenRequests) {
      return to_client(message.route,
                       net::ErrorReply{rid, busy_error("too many requests wait for answers")});
    }
    if (auto* letters = std::get_if<LetterRequest>(&request)) {
      open_requests.add(letters->client);
      return caf::anon_send(wiring.dead_letter, std::move(*letters));
    }
    if (auto* blob = std::get_if<BlobRequest>(&request)) {
      open_requests.add(std::get<core::ClientRef>(blob->from));
      return blobs.requests.push_back(std::move(*blob));
    }
    to_queue(std::move(std::get<core::Command>(request)));
  }

  void to_queue(core::Command command) {
    if (const core::ClientRef* client = client_of(command)) open_requests.add(*client);
    if (const auto* submit = std::get_if<core::Submit>(&command)) {
      for (const core::Submission& one : submit->tasks) {
        programs.put(one.row.id, one.row.body_hash, one.program);
      }
    }
    if (refers_to_blobs(command)) {
      return caf::anon_send(wiring.blobs,
                            SubmitWithBlobs{std::move(std::get<core::Submit>(command))});
    }
    commands.commands.push_back(std::move(command));
  }

  static bool refers_to_blobs(const core::Command& command) {
    const auto* submit = std::get_if<core::Submit>(&command);
    return submit && std::ranges::any_of(submit->tasks, [](const core::Submission& one) {
             return !one.blobs.empty();
           });
  }

  void from_worker(const net::Inbound& message) {
    auto decoded = net::decode_from_worker(message.bytes);
    if (!decoded) {
      sockets->count_malformed();
      return log::failure(log::Level::warning, "a worker's message was refused", decoded.error());
    }
    if (auto* hello = std::get_if<model::Hello>(&*decoded)) {
      identify(*message.sender, *hello);
      if (const Status valid = model::validate(*hello); !valid) {
        return log::failure(log::Level::warning, "a worker's hello was refused", valid.error());
      }
      greet(message.route, *hello);
    }
    const auto worker = peers.worker_on(message.route);
    if (!worker) return to_worker(message.route, model::HelloFirst{});
    if (auto* chunk = std::get_if<model::Output>(&*decoded)) {
      output.output.push_back({*worker, std::move(*chunk)});
    } else {
      if (auto* finished = std::get_if<model::Finished>(&*decoded)) check_result(*finished);
      commands.commands.emplace_back(core::WorkerSaid{*worker, std::move(*decoded)});
    }
  }

  // Who it is says its key, not the worker: no other worker's leases or name can be claimed.
  static void identify(const net::Identity& sender, model::Hello& hello) {
    hello.instance = instance_of(sender, hello.instance);
    if (!sender.name.empty()) hello.name = sender.name;
  }

  void greet(const std::string& route, const model::Hello& hello) {
    peers.bind(route, hello.instance);
    requests->submissions().learn(hello.languages);
  }

  void lost(const PeerLost& peer) {
    if (peer.peer == net::Peer::client) {
      open_requests.drop(peer.route);
      commands.commands.emplace_back(core::ClientGone{peer.route});
    } else if (const auto worker = peers.unbind(peer.route)) {
      commands.commands.emplace_back(core::WorkerUnreachable{*worker});
    }
    flush();
  }

  // --- from inside

  void carry_out(EffectBatch& batch) {
    for (core::Effect& effect : batch.effects) {
      if (auto* reply = std::get_if<core::Reply>(&effect)) {
        answer(std::move(*reply));
      } else if (auto* send = std::get_if<core::Send>(&effect)) {
        to_instance(send->worker, std::move(send->message));
      } else if (const auto* cancel = std::get_if<core::Cancel>(&effect)) {
        to_instance(cancel->worker, model::CancelLease{cancel->lease});
      }
    }
    flush();
  }

  void answer(core::Reply reply) {
    if (std::holds_alternative<core::FromStore>(reply.body)) {
      reads.replies.push_back(std::move(reply));
    } else if (open_requests.close(reply.client)) {
      const std::string route = reply.client.route;
      to_client(route, answers->make(std::move(reply)));
    }
  }

  void send_answers(AnswerBatch& batch) {
    for (Answer& one : batch.answers) {
      if (!open_requests.close(one.client)) continue;
      outbound.push_back({net::Peer::client, one.client.route, std::move(one.bytes)});
    }
    flush();
  }

  // No route: the worker is gone, and the scheduler notices by itself.
  void to_instance(const InstanceId& worker, model::ToWorker message) {
    const std::string* route = peers.route_of(worker);
    if (!route) return;
    auto* assign = std::get_if<model::Assign>(&message);
    if (assign && !fill_program(worker, *assign)) return;
    to_worker(*route, message);
  }

  bool fill_program(const InstanceId& worker, model::Assign& assign) {
    assign.program = programs.find(assign.lease.id, assign.body_hash);
    if (assign.program) return true;
    auto read = answers->read_program(assign.lease.id);
    if (read) {
      assign.program = std::move(read).value();
      programs.put(assign.lease.id, assign.body_hash, assign.program);
      return true;
    }
    cannot_run(worker, assign.lease, read.error());
    return false;
  }

  // Said in the worker's place: its lease ends, with the reason.
  void cannot_run(const InstanceId& worker, const model::LeaseRef& lease, const Error& error) {
    log::failure(log::Level::error, "a program cannot be read", error);
    commands.commands.emplace_back(core::WorkerSaid{worker, our_failure(lease, error)});
  }

  // What is committed as a task's result can be read, and is what the verdict says.
  static void check_result(model::Finished& finished) {
    auto result = net::decode_result(*finished.result);
    if (result && result->verdict == finished.verdict) {
      finished.cost = result->cost;
      finished.blobs = model::blobs_of(*result);
      return;
    }
    const Error error = result
                            ? Error{ErrorCode::malformed, "result and verdict differ", "", "", ""}
                            : result.error();
    log::failure(log::Level::warning, "a worker's result was refused", error);
    finished = our_failure(finished.lease, error);
  }

  static model::Finished our_failure(const model::LeaseRef& lease, const Error& error) {
    model::TaskResult result;
    result.verdict = model::Verdict::infrastructure_error;
    result.message = error.text();
    return {
        lease, result.verdict, std::make_shared<std::string>(net::encode_result(result)), {}, {}};
  }

  void send_events(ClientEvents& batch) {
    for (ClientEvent& event : batch.events) to_client(event.route, std::move(event.event));
    flush();
  }

  void to_client(const std::string& route, const net::ToClient& message) {
    outbound.push_back({net::Peer::client, route, encode_answer(message)});
  }
  void to_worker(const std::string& route, const model::ToWorker& message) {
    outbound.push_back({net::Peer::worker, route, net::encode(message)});
  }
};

BrokerLinkActor::behavior_type broker_link(BrokerLinkActor::stateful_pointer<LinkState> self,
                                           SharedReader reader,
                                           std::shared_ptr<BrokerSockets> sockets,
                                           config::Languages languages) {
  end_on_failure(self, "broker_link");
  LinkState& state = self->state;
  state.self = self;
  state.answers.emplace(std::move(reader));
  state.sockets = std::move(sockets);
  state.sockets->deliver_to(caf::actor_cast<BrokerLinkActor>(self), state.intake);
  state.requests.emplace(Submissions(std::move(languages), seeded_random()));
  return {
      [=](const BrokerWiring& wiring) { self->state.wire(wiring); },
      [=](InboundBatch& batch) { self->state.take(batch); },
      [=](const PeerLost& peer) { self->state.lost(peer); },
      [=](EffectBatch& batch) { self->state.carry_out(batch); },
      [=](AnswerBatch& batch) { self->state.send_answers(batch); },
      [=](ClientEvents& batch) { self->state.send_events(batch); },
  };
}

}  // namespace

BrokerLinkActor spawn_broker_link(caf::actor_system& system, SharedReader reader,
                                  std::shared_ptr<BrokerSockets> sockets,
                                  config::Languages languages) {
  return system.spawn(broker_link, std::move(reader), std::move(sockets), std::move(languages));
}

}  // namespace kiln::actors
