// Workers that were asked whether they answer, and the clients that wait for it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/commands.h"

namespace kiln::core {

inline constexpr size_t kMaxPings = 1'000;  // under way

class Pings {
 public:
  struct Ended {
    ClientRef client;
    std::vector<InstanceId> answered;  // in the order of their answers
  };
  // The token to send with each; nothing if kMaxPings are under way. Deadlines come rising.
  std::optional<uint64_t> add(const ClientRef& client, std::set<InstanceId> workers,
                              MonoTime deadline);
  // When the last of them has answered.
  std::optional<Ended> answered(uint64_t token, const InstanceId& worker);
  // Those whose deadline has come.
  std::vector<Ended> take_late(MonoTime now);
  void drop_route(const std::string& route);
  std::optional<MonoTime> next_deadline() const;
  std::vector<ClientRef> clients() const;

 private:
  struct Asked {
    MonoTime deadline{};
    std::set<InstanceId> silent;
    Ended ended;
  };
  std::map<uint64_t, Asked> asked_;  // by token, so by deadline too
  uint64_t last_token_ = 0;
};

}  // namespace kiln::core
