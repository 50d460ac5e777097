// Network namespaces for cells: each has nothing but a loopback device that is down. To make one
// and to take it apart are most of what a cell costs, so one that nobody has touched is used again.
//
// "Nobody has touched it" is what the kernel's counters say once all of the cell is dead
// (proc(5), /proc/net): no socket is left and no closed connection waits (sockstat), and none of
// the counters that a packet raises, or an attempt to send one, differs from a fresh namespace's
// (snmp, snmp6). Any difference, or a counter that cannot be read: the namespace goes with
// its cell. Nothing is ever put right and used again.
//
// Not thread-safe: the launcher's one thread.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"

namespace kiln::sandbox {

inline constexpr size_t kMaxIdleNetworks = 64;

class Network {
 public:
  static constexpr std::array<const char*, 3> kCounters = {"sockstat", "snmp", "snmp6"};
  int fd() const { return namespace_.get(); }
  // All that ran in it must be dead.
  bool untouched() const;

 private:
  friend class NetworkPool;
  std::optional<std::string> read_counters() const;

  UniqueFd namespace_;
  std::array<UniqueFd, kCounters.size()> counters_;
  std::optional<std::string> fresh_;  // nothing: not to be used again
};

class NetworkPool {
 public:
  // `proc`: a directory descriptor of /proc in which this process sees itself. It must outlive the
  // pool. 0 or an errno.
  int start(int proc);
  // One of the idle ones, or a fresh one; nothing: errno says why.
  std::optional<Network> take();
  void give_back(Network network);
  // The calling process enters it, to clone a child there, and comes back. 0 or an errno.
  static int enter(const Network& network);
  int leave() const;

  size_t idle() const { return idle_.size(); }

 private:
  std::optional<Network> make() const;

  int proc_ = -1;
  UniqueFd own_;
  std::vector<Network> idle_;
};

}  // namespace kiln::sandbox
