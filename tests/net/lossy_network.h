// An in-memory network for tests, in virtual time and from a seed. It behaves as ZeroMQ does to us:
// what one end sends to another arrives in order or not at all, late, and a connection that breaks
// takes with it what was under way. Messages may be any type: bytes, or the variants themselves.
// One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/time.h"

namespace kiln::net {

struct LossyOptions {
  uint32_t loss_per_mille = 0;  // of messages, each by itself
  Duration min_delay{0};
  Duration max_delay{0};
};

template <class Message>
class LossyNetwork {
 public:
  struct Delivery {
    std::string from;
    std::string to;
    Message message;
  };

  LossyNetwork(uint64_t seed, LossyOptions options) : random_(seed), options_(options) {}

  void send(MonoTime now, const std::string& from, const std::string& to, Message message) {
    ++sent_;
    Link& link = links_[{from, to}];
    if (cut_.contains({from, to}) || uniform(random_, 1'000) < options_.loss_per_mille) {
      ++lost_;
      return;
    }
    link.last_arrival = std::max(link.last_arrival, now + delay());
    link.under_way.push_back({link.last_arrival, next_order_++, std::move(message)});
  }

  // Cuts one direction, so that a partition can be one-way; what is under way there is lost.
  void cut(const std::string& from, const std::string& to) {
    cut_.insert({from, to});
    drop_under_way(from, to);
  }
  void heal(const std::string& from, const std::string& to) { cut_.erase({from, to}); }
  // The connection between the two breaks: both directions lose what is under way.
  void disconnect(const std::string& one, const std::string& other) {
    drop_under_way(one, other);
    drop_under_way(other, one);
  }

  // What has arrived by `now`, in order of arrival (of sending, where that is equal).
  std::vector<Delivery> take_arrived(MonoTime now) {
    std::vector<Delivery> out;
    for (auto next = earliest(); next && next->first.first <= now; next = earliest()) {
      const auto& [from, to] = next->second;
      Link& link = links_[next->second];
      out.push_back({from, to, std::move(link.under_way.front().message)});
      link.under_way.pop_front();
    }
    return out;
  }
  std::optional<MonoTime> next_arrival() const {
    const auto next = earliest();
    if (!next) return std::nullopt;
    return next->first.first;
  }

  uint64_t sent() const { return sent_; }
  uint64_t lost() const { return lost_; }

 private:
  using Ends = std::pair<std::string, std::string>;  // from, to
  struct UnderWay {
    MonoTime arrival;
    uint64_t order;
    Message message;
  };
  struct Link {
    MonoTime last_arrival{};
    std::deque<UnderWay> under_way;
  };

  Duration delay() {
    const auto spread = static_cast<uint64_t>((options_.max_delay - options_.min_delay).count());
    return options_.min_delay + Duration(static_cast<int64_t>(uniform(random_, spread + 1)));
  }
  void drop_under_way(const std::string& from, const std::string& to) {
    Link& link = links_[{from, to}];
    lost_ += link.under_way.size();
    link.under_way.clear();
  }
  std::optional<std::pair<std::pair<MonoTime, uint64_t>, Ends>> earliest() const {
    std::optional<std::pair<std::pair<MonoTime, uint64_t>, Ends>> best;
    for (const auto& [ends, link] : links_) {
      if (link.under_way.empty()) continue;
      const std::pair key{link.under_way.front().arrival, link.under_way.front().order};
      if (!best || key < best->first) best = {key, ends};
    }
    return best;
  }

  Random random_;
  LossyOptions options_;
  std::map<Ends, Link> links_;
  std::set<Ends> cut_;
  uint64_t next_order_ = 0;
  uint64_t sent_ = 0;
  uint64_t lost_ = 0;
};

}  // namespace kiln::net
