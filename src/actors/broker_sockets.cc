#include "actors/broker_sockets.h"

#include <utility>

#include "log/log.h"

namespace kiln::actors {
namespace {

size_t index_of(net::Peer peer) { return peer == net::Peer::client ? 0 : 1; }

}  // namespace

void BrokerSockets::deliver_to(BrokerLinkActor link, std::shared_ptr<Intake> intake) {
  const std::lock_guard lock(mutex_);
  target_ = {std::move(link), std::move(intake)};
  target_.intake->open(server_.get());
}

BrokerSockets::Target BrokerSockets::target() const {
  const std::lock_guard lock(mutex_);
  return target_;
}

net::ServerHandlers BrokerSockets::handlers() {
  net::ServerHandlers handlers;
  handlers.on_batch = [this](std::vector<net::Inbound> batch) {
    for (const net::Inbound& one : batch) ++passed_.at(index_of(one.peer)).in;
    const Target to = target();
    if (!to.intake) return;
    InboundBatch taken{to.intake->take(std::move(batch))};
    if (!taken.messages.empty()) caf::anon_send(to.link, std::move(taken));
  };
  handlers.on_unreachable = [this](net::Peer peer, std::string route) {
    const Target to = target();
    if (to.intake) caf::anon_send(to.link, PeerLost{peer, std::move(route)});
  };
  handlers.on_refused = [this](const net::Refused& peer) { tell_refused(peer); };
  return handlers;
}

void BrokerSockets::tell_refused(const net::Refused& peer) {
  ++untold_;
  const MonoTime now = real_now().mono;
  if (told_at_ && now - *told_at_ < kRefusalPause) return;
  told_at_ = now;
  log::warning("a peer was refused",
               {{"why", peer.why.text()},
                {"socket", peer.peer == net::Peer::client ? "clients" : "workers"},
                {"address", peer.address},
                {"key", peer.key},
                {"refused", std::exchange(untold_, 0)}});
}

void BrokerSockets::add_to(metrics::BrokerSample& sample) const {
  net::TransportCounts counts;
  {
    const std::lock_guard lock(mutex_);
    if (server_) counts = server_->counts();
  }
  sample.rejected = {{"peer_refused", counts.refused},
                     {"handshake_failed", counts.failed},
                     {"unauthorized", counts.unauthorized},
                     {"no_message", counts.inbound_dropped},
                     {"malformed", malformed_},
                     {"answer_dropped", counts.outbound_dropped}};
  sample.messages = {{{"in", "clients"}, passed_[0].in},
                     {{"out", "clients"}, passed_[0].out},
                     {{"in", "workers"}, passed_[1].in},
                     {{"out", "workers"}, passed_[1].out}};
}

Listening BrokerSockets::listen(const net::ServerOptions& options) {
  auto started = net::RouterServer::start(options, handlers());
  if (!started) return {std::move(started).error(), "", ""};
  const std::lock_guard lock(mutex_);
  server_ = std::move(started).value();
  if (target_.intake) target_.intake->open(server_.get());
  return {{}, server_->clients_endpoint(), server_->workers_endpoint()};
}

void BrokerSockets::send(std::vector<net::Outbound> batch) {
  for (const net::Outbound& one : batch) ++passed_.at(index_of(one.peer)).out;
  std::shared_ptr<net::RouterServer> server;
  {
    const std::lock_guard lock(mutex_);
    server = server_;
  }
  if (server) server->send(std::move(batch));
}

void BrokerSockets::close() {
  std::shared_ptr<net::RouterServer> server;
  Target old;
  {
    const std::lock_guard lock(mutex_);
    server = std::move(server_);
    old = std::move(target_);  // handles of dead actors are let go of, too
    target_ = {};
    if (old.intake) old.intake->open(nullptr);
  }
  if (server) server->stop();
}

}  // namespace kiln::actors
