// The broker's sockets, and the way from them to the link actor. They outlive that actor: when it
// is started anew the connections stay, and what was handed to its predecessor is forgotten.
// Only actors/*.cc include this (CAF).
//
// Threads: any; the transport's thread delivers.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "actors/intake.h"
#include "actors/interfaces.h"

namespace kiln::actors {

inline constexpr Duration kRefusalPause = std::chrono::seconds(10);

class BrokerSockets {
 public:
  // Everything that comes goes to this link from now on, bounded by this intake.
  void deliver_to(BrokerLinkActor link, std::shared_ptr<Intake> intake);
  // Errors: those of RouterServer::start. Call once, after deliver_to.
  Listening listen(const net::ServerOptions& options);
  void send(std::vector<net::Outbound> batch);
  // One message that could not be decoded was dropped.
  void count_malformed() { ++malformed_; }
  // What passed, and what was refused or dropped. Reasons: peer_refused, a handshake with a key
  // that may not come in; handshake_failed, one that ended earlier; unauthorized, a message of a
  // key that was taken out; no_message, of no shape of ours; malformed, not decodable;
  // answer_dropped, its reader was gone or too slow.
  void add_to(metrics::BrokerSample& sample) const;
  // Sends what is queued, then closes.
  void close();

 private:
  struct Target {
    BrokerLinkActor link;
    std::shared_ptr<Intake> intake;
  };
  Target target() const;
  net::ServerHandlers handlers();
  // Runs on one thread. Strangers may knock as often as they like: the log has one line of it in
  // kRefusalPause, which says how many there were.
  void tell_refused(const net::Refused& peer);

  struct Passed {
    std::atomic<uint64_t> in = 0;
    std::atomic<uint64_t> out = 0;
  };
  std::array<Passed, 2> passed_;  // by net::Peer: clients, workers
  std::atomic<uint64_t> malformed_ = 0;
  uint64_t untold_ = 0;  // refusals since the last line
  std::optional<MonoTime> told_at_;

  mutable std::mutex mutex_;  // guards the rest
  Target target_;
  std::shared_ptr<net::RouterServer> server_;
};

}  // namespace kiln::actors
