// The broker's sockets, and the way from them to the link actor. They outlive that actor: when it
// is started anew the connections stay, and what was handed to its predecessor is forgotten.
// Only actors/*.cc include this (CAF).
//
// Threads: any; the transport's thread delivers.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "actors/intake.h"
#include "actors/interfaces.h"

namespace kiln::actors {

class BrokerSockets {
 public:
  // Everything that comes goes to this link from now on, bounded by this intake.
  void deliver_to(BrokerLinkActor link, std::shared_ptr<Intake> intake);
  // Errors: those of RouterServer::start. Call once, after deliver_to.
  Listening listen(const net::ServerOptions& options);
  void send(std::vector<net::Outbound> batch);
  // Sends what is queued, then closes.
  void close();

 private:
  struct Target {
    BrokerLinkActor link;
    std::shared_ptr<Intake> intake;
  };
  Target target() const;

  mutable std::mutex mutex_;
  Target target_;
  std::shared_ptr<net::RouterServer> server_;
};

}  // namespace kiln::actors
