#include "sandbox/network_pool.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>

namespace kiln::sandbox {
namespace {

constexpr size_t kMaxCounterBytes = 16'384;  // of one file
constexpr size_t kSockstat = 0;

// "sockets: used 0" and "tw 0" are of the namespace; the rest of the file is of the whole host, or
// said already (net/ipv4/proc.c).
std::string own_sockets(std::string_view sockstat) {
  std::string out(sockstat.substr(0, sockstat.find('\n')));
  const size_t waiting = sockstat.find(" tw ");
  if (waiting != std::string_view::npos) {
    out += sockstat.substr(waiting, sockstat.find_first_of(" \n", waiting + 4) - waiting);
  }
  return out;
}

}  // namespace

std::optional<std::string> Network::read_counters() const {
  std::string out;
  std::array<char, kMaxCounterBytes> text;  // NOLINT: filled by the kernel
  for (size_t i = 0; i < counters_.size(); ++i) {
    const ssize_t got = ::pread(counters_.at(i).get(), text.data(), text.size(), 0);
    if (got <= 0 || static_cast<size_t>(got) == text.size()) return std::nullopt;
    const std::string_view file(text.data(), static_cast<size_t>(got));
    out += i == kSockstat ? own_sockets(file) : file;
  }
  return out;
}

bool Network::untouched() const {
  if (!fresh_) return false;
  const auto now = read_counters();
  return now && *now == *fresh_;
}

int NetworkPool::start(int proc) {
  proc_ = proc;
  own_.reset(::openat(proc, "self/ns/net", O_RDONLY | O_CLOEXEC));
  return own_ ? 0 : errno;
}

std::optional<Network> NetworkPool::take() {
  if (idle_.empty()) return make();
  Network out = std::move(idle_.back());
  idle_.pop_back();
  return out;
}

void NetworkPool::give_back(Network network) {
  if (idle_.size() < kMaxIdleNetworks && network.untouched()) idle_.push_back(std::move(network));
}

int NetworkPool::enter(const Network& network) {
  return ::setns(network.fd(), CLONE_NEWNET) == 0 ? 0 : errno;
}

int NetworkPool::leave() const { return ::setns(own_.get(), CLONE_NEWNET) == 0 ? 0 : errno; }

// These files show the namespace that their opener was in (net(7), proc_net in proc(5)).
std::optional<Network> NetworkPool::make() const {
  Network out;
  if (::unshare(CLONE_NEWNET) != 0) return std::nullopt;
  out.namespace_.reset(::openat(proc_, "self/ns/net", O_RDONLY | O_CLOEXEC));
  const int error = out.namespace_ ? 0 : errno;
  for (size_t i = 0; i < Network::kCounters.size(); ++i) {
    const std::string path = std::string("self/net/") + Network::kCounters.at(i);
    out.counters_.at(i).reset(::openat(proc_, path.c_str(), O_RDONLY | O_CLOEXEC));
  }
  out.fresh_ = out.read_counters();
  if (leave() != 0) ::_exit(1);  // a launcher in a cell's network is none
  errno = error;
  if (!out.namespace_) return std::nullopt;
  return out;
}

}  // namespace kiln::sandbox
