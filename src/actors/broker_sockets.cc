#include "actors/broker_sockets.h"

namespace kiln::actors {

void BrokerSockets::deliver_to(BrokerLinkActor link, std::shared_ptr<Intake> intake) {
  const std::lock_guard lock(mutex_);
  target_ = {std::move(link), std::move(intake)};
  target_.intake->open(server_.get());
}

BrokerSockets::Target BrokerSockets::target() const {
  const std::lock_guard lock(mutex_);
  return target_;
}

Listening BrokerSockets::listen(const net::ServerOptions& options) {
  net::ServerHandlers handlers;
  handlers.on_batch = [this](std::vector<net::Inbound> batch) {
    const Target to = target();
    if (!to.intake) return;
    InboundBatch taken{to.intake->take(std::move(batch))};
    if (!taken.messages.empty()) caf::anon_send(to.link, std::move(taken));
  };
  handlers.on_unreachable = [this](net::Peer peer, std::string route) {
    const Target to = target();
    if (to.intake) caf::anon_send(to.link, PeerLost{peer, std::move(route)});
  };
  auto started = net::RouterServer::start(options, std::move(handlers));
  if (!started) return {std::move(started).error(), "", ""};
  const std::lock_guard lock(mutex_);
  server_ = std::move(started).value();
  if (target_.intake) target_.intake->open(server_.get());
  return {{}, server_->clients_endpoint(), server_->workers_endpoint()};
}

void BrokerSockets::send(std::vector<net::Outbound> batch) {
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
