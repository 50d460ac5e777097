#include "sandbox/warm_parent.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "base/null_ended.h"
#include "model/environment.h"
#include "sandbox/files.h"
#include "sandbox/memory_file.h"
#include "sandbox/socket.h"
#include "sandbox/warm/boot.h"

namespace kiln::sandbox {
namespace {

using State = WarmParent::State;

constexpr const char* kBoxOptions = "size=256k,nr_inodes=8,mode=0755";

// Its standard streams, of the kinds that programs get: an interpreter looks at them when it
// starts.
struct Streams {
  UniqueFd input;
  UniqueFd reader, writer;  // of a pipe; nobody reads what an import may print

  bool open() {
    auto file = make_memory_file("kiln-stdin", "");
    int ends[2];
    if (!file || ::pipe2(ends, O_CLOEXEC) != 0) return false;
    input = std::move(*file);
    reader.reset(ends[0]);
    writer.reset(ends[1]);
    return ::fcntl(writer.get(), F_SETFL, O_NONBLOCK) == 0;
  }
};

// Mounts of its own: a /proc, from which it loads the library, and the text that it runs, where
// programs have theirs.
bool prepare_mounts(const std::string& main_file) {
  constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (::unshare(CLONE_NEWNS) != 0) return false;
  if (::mount("proc", "/proc", "proc", kFlags, nullptr) != 0) return false;
  if (::mount("tmpfs", "/box", "tmpfs", kFlags, kBoxOptions) != 0) return false;
  if (create_file(main_file, warm_boot_text()) != 0) return false;
  // Its children begin with the same score; where root may not lower it, it is the launcher's.
  const int error = write_file(AT_FDCWD, "/proc/self/oom_score_adj", "0");
  return (error == 0 || error == EACCES) && ::chdir("/box") == 0;
}

[[noreturn]] void become_parent(const WarmImage& image, const WarmHost& host,
                                const Streams& streams, int socket) {
  std::string interpreter = image.interpreter;
  std::string main_file = "/box/" + image.source;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);  // not the monitor's
  if (!prepare_mounts(main_file)) ::_exit(126);
  std::array<int, 5> wanted = {streams.input.get(), streams.writer.get(), streams.writer.get(),
                               socket, host.library};
  for (int& fd : wanted) fd = ::fcntl(fd, F_DUPFD_CLOEXEC, 64);
  for (size_t i = 0; i < wanted.size(); ++i) ::dup2(wanted.at(i), static_cast<int>(i));
  ::syscall(SYS_close_range, static_cast<unsigned>(wanted.size()), ~0U, 0);
  char* const argv[] = {interpreter.data(), main_file.data(), nullptr};
  // What every program has, so that what an interpreter reads when it starts is read the same.
  std::vector<std::string> variables;
  for (const auto& [name, value] : model::base_environment()) {
    variables.push_back(name + "=" + value);
  }
  ::execve(argv[0], argv, null_ended(variables).data());
  ::_exit(127);
}

}  // namespace

WarmParent::WarmParent(UniqueFd socket, UniqueFd pidfd)
    : socket_(std::move(socket)), pidfd_(std::move(pidfd)) {}

WarmParent::~WarmParent() {
  ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
  siginfo_t info{};
  ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd_.get()), &info, WEXITED);
}

std::unique_ptr<WarmParent> WarmParent::start(const WarmImage& image, const WarmHost& host) {
  auto pair = packet_socket_pair();
  Streams streams;
  if (!pair || !streams.open()) return nullptr;
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0) return nullptr;
  if (pid == 0) become_parent(image, host, streams, pair->second.get());
  std::unique_ptr<WarmParent> out(new WarmParent(std::move(pair->first), UniqueFd(pidfd)));
  return out->send_setup(image, host) ? std::move(out) : nullptr;
}

bool WarmParent::send_setup(const WarmImage& image, const WarmHost& host) {
  warm::Setup setup;
  if (host.filter->code.size() > setup.filter.size() ||
      host.filter->probes.size() > setup.probes.size() ||
      image.modules.size() + image.own.size() >= kMaxPacketBytes) {
    return false;
  }
  setup.filter_length = static_cast<uint32_t>(host.filter->code.size());
  setup.probe_count = static_cast<uint32_t>(host.filter->probes.size());
  setup.filter_count = host.filter_count;
  setup.launcher_namespaces = host.namespaces;
  std::ranges::copy(host.filter->code, setup.filter.begin());
  std::ranges::copy(host.filter->probes, setup.probes.begin());
  const std::string names = image.modules + "\n" + image.own;
  return send_packet(socket_.get(), std::as_bytes(std::span(names)), {}, MSG_DONTWAIT) == 0 &&
         send_struct(socket_.get(), setup, {}, MSG_DONTWAIT) == 0;
}

bool WarmParent::is_worn() const {
  return forks_ >= kMaxWarmForks || monotonic_us() - started_us_ >= kMaxWarmAgeUs;
}

int WarmParent::fork(uint64_t cell, bool self_test, int init, int socket,
                     std::span<const int> joins) {
  if (joins.size() > warm::kMaxJoins) return EINVAL;
  warm::Fork request;
  request.cell = cell;
  request.self_test = self_test ? 1 : 0;
  std::vector<int> fds = {init, socket};
  fds.insert(fds.end(), joins.begin(), joins.end());
  if (const int error = send_struct(socket_.get(), request, fds, MSG_DONTWAIT)) return error;
  programs_.insert(cell);
  ++forks_;
  return 0;
}

void WarmParent::read(const std::function<void(const warm::Ended&)>& on_ended) {
  // One that ended because its image is useless stays that.
  while (state_ != State::gone && state_ != State::useless) {
    const Packet packet = receive_packet(socket_.get(), MSG_DONTWAIT);
    if (packet.error == EAGAIN) return;
    if (packet.error != 0 || packet.end_of_file) {
      state_ = State::gone;
    } else if (const auto loaded = warm::packet_of<warm::Loaded>(packet.bytes)) {
      state_ = loaded->useless != 0 ? State::useless : State::loaded;
      missing_ = loaded->missing;
    } else if (const auto ended = warm::packet_of<warm::Ended>(packet.bytes)) {
      if (programs_.erase(ended->cell) > 0) on_ended(*ended);
    }
  }
  for (const uint64_t cell : std::exchange(programs_, {})) {
    warm::Ended lost;
    lost.error = ECHILD;
    lost.cell = cell;
    on_ended(lost);
  }
}

// --- all of them

void WarmImages::start(std::vector<WarmImage> images, WarmHost host) {
  host_ = host;
  for (WarmImage& image : images) {
    const bool wanted = image.own.empty();
    images_.push_back({std::move(image), wanted, nullptr});
  }
  for (Image& image : images_) {
    if (image.wanted) try_start(image, monotonic_us());
  }
}

void WarmImages::note_wanted(uint32_t image) {
  if (image != 0 && image <= images_.size()) images_[image - 1].wanted = true;
}

uint32_t WarmImages::number_of(const Image& image) const {
  return static_cast<uint32_t>(&image - images_.data() + 1);
}

void WarmImages::try_start(Image& image, int64_t now_us) {
  image.parent = WarmParent::start(image.description, host_);
  if (!image.parent) give_up(image, now_us);
}

void WarmImages::give_up(Image& image, int64_t now_us) {
  const bool useless = image.parent && image.parent->state() == State::useless;
  if (useless) image.pause_us = kMaxWarmAgeUs;
  orphans_until_us_ = now_us + kOrphanTimeUs;
  news_.push_back({number_of(image), false, useless ? image.parent->missing() : 0});
  image.parent.reset();
  image.retry_at_us = now_us + image.pause_us;
  image.pause_us = useless ? kWarmRetryUs : std::min(image.pause_us * 2, kMaxWarmRetryUs);
}

WarmParent* WarmImages::parent(uint32_t image, bool canary) const {
  if (image == 0 || image > images_.size()) return nullptr;
  const auto& parent = images_[image - 1].parent;
  return parent && parent->state() == (canary ? State::testing : State::ready) ? parent.get()
                                                                               : nullptr;
}

bool WarmImages::is_ready(uint32_t image) const { return parent(image, false) != nullptr; }

uint32_t WarmImages::take_untested() {
  for (size_t i = 0; i < images_.size(); ++i) {
    const auto& parent = images_[i].parent;
    if (!parent || parent->state() != State::loaded) continue;
    parent->set_state(State::testing);
    return static_cast<uint32_t>(i + 1);
  }
  return 0;
}

void WarmImages::on_tested(uint32_t image, bool passed) {
  Image& tested = images_.at(image - 1);
  if (!tested.parent || tested.parent->state() != State::testing) return;
  if (!passed) return give_up(tested, monotonic_us());
  tested.parent->set_state(State::ready);
  news_.push_back({image, true, tested.parent->missing()});
  tested.pause_us = kWarmRetryUs;
}

template <class Visit>
void WarmImages::for_each(Visit visit) const {
  for (const Image& image : images_) {
    if (image.parent) visit(*image.parent);
  }
  for (const auto& parent : retired_) visit(*parent);
}

void WarmImages::add_polls(std::vector<pollfd>& polls) const {
  for_each([&polls](const WarmParent& parent) { polls.push_back(parent.poll()); });
}

void WarmImages::on_polls(std::span<const pollfd> polls, const OnEnded& on_ended) {
  auto at = polls.begin();
  for_each([&](WarmParent& parent) {
    if ((at++)->revents != 0) parent.read(on_ended);
  });
}

void WarmImages::on_time(int64_t now_us) {
  for (Image& image : images_) {
    if (!image.parent) {
      if (image.wanted && now_us >= image.retry_at_us) try_start(image, now_us);
      continue;
    }
    const State state = image.parent->state();
    const bool late = now_us - image.parent->started_us() >= kWarmStartTimeoutUs;
    if (state == State::gone || state == State::useless || (state == State::loading && late)) {
      give_up(image, now_us);
    } else if (state == State::ready && image.parent->is_worn()) {
      retired_.push_back(std::move(image.parent));
      try_start(image, now_us);
    }
  }
  std::erase_if(retired_, [](const auto& parent) {
    return parent->state() == State::gone || !parent->has_programs();
  });
  // The kernel gives them to pid 1 of our namespace, and a cell's init cannot end before they are
  // reaped. Whoever else is reaped with them has nothing more to tell than that.
  if (now_us < orphans_until_us_) {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
}

int64_t WarmImages::next_deadline_us() const {
  const int64_t now = monotonic_us();
  int64_t next = now < orphans_until_us_ ? now + kOrphanLookUs : kNever;
  for (const Image& image : images_) {
    if (!image.parent) {
      if (image.wanted) next = std::min(next, image.retry_at_us);
      continue;
    }
    const State state = image.parent->state();
    if (state == State::gone || state == State::useless) next = 0;
    if (state == State::loading) {
      next = std::min(next, image.parent->started_us() + kWarmStartTimeoutUs);
    }
    if (state == State::ready) {
      next =
          std::min(next, image.parent->is_worn() ? 0 : image.parent->started_us() + kMaxWarmAgeUs);
    }
  }
  return next;
}

}  // namespace kiln::sandbox
