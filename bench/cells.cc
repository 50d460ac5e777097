// kiln-bench-cells: what a cell costs, and a plain process, timed by one clock in one program.
//
// It starts a real monitor and kiln-launcher as a worker does, and speaks the worker's language to
// it (sandbox/wire.h), with one request under way at a time. bench/cells.py says what to run, one
// order a line on standard input, and reads one line back for each:
//
//   cell COUNT EVERY_US              PROGRAM in COUNT cells, each made for it
//   exec COUNT EVERY_US PATH ARG...  fork, exec and wait, COUNT times
//   -> P50_US RAN                    RAN of them started, ended, and had status 0
//
//   hold COUNT                       PROGRAM in COUNT cells at once, with an argument: it waits
//   -> COUNT                         so many have started
//   release                          all that are held are killed
//   -> COUNT                         and have ended so
//   launcher                         -> the launcher's process id
//
// EVERY_US is the time from one start to the next; 0: as soon as the one before has ended.
//
// usage: kiln-bench-cells LAUNCHER PROGRAM (a static one)
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <thread>

#include "base/time.h"
#include "sandbox/monitor.h"
#include "sandbox/runner_job.h"
#include "sandbox/socket.h"

namespace kiln::sandbox {
namespace {

constexpr uint32_t kCellsAhead = 2;  // as a worker with two slots has
constexpr int kPatienceMs = 30'000;  // of one packet

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "kiln-bench-cells: %s\n", why.c_str());
  std::_Exit(1);
}

Packet next_packet(int socket) {
  pollfd readable{socket, POLLIN, 0};
  if (::poll(&readable, 1, kPatienceMs) != 1) give_up("no answer from the launcher");
  Packet packet = receive_packet(socket);
  if (packet.error != 0 || packet.end_of_file) give_up("the launcher is gone");
  return packet;
}

// The worker's side of one launcher.
class Worker {
 public:
  pid_t launcher_pid() const {
    const std::string number = std::to_string(monitor_.pid);
    std::ifstream file("/proc/" + number + "/task/" + number + "/children");
    pid_t pid = -1;
    file >> pid;
    return pid;
  }

  Worker(const std::string& launcher, const std::string& program) {
    MonitorOptions options;
    options.launcher_path = launcher;
    options.cells_ahead = kCellsAhead;
    auto monitor = fork_monitor(options);
    if (!monitor) give_up(monitor.error().text());
    monitor_ = std::move(*monitor);
    Packet life = next_packet(monitor_.control.get());
    if (life.fds.empty()) give_up("the monitor has no launcher");
    launcher_ = std::move(life.fds.front());
    if (type_of(next_packet(launcher_.get())) != wire::Type::ready) give_up("not ready");
    request_.argv = {"/box/true"};
    request_.programs = {{"true", program}};
  }

  // From the request at the launcher's socket to its result, in microseconds; -1: it did not run to
  // status 0 in a cell of its own.
  int64_t run() {
    RunnerJob job = next_job(request_);
    const int64_t begin = to_micros(real_now().mono);
    send(job);
    const bool ran = wait(job.run.id);
    const int64_t took = to_micros(real_now().mono) - begin;
    return ran ? took : -1;
  }

  // That many that wait; how many have started.
  size_t hold(size_t count) {
    CellRequest waiting = request_;
    waiting.argv.push_back("wait");
    for (size_t i = 0; i < count; ++i) {
      RunnerJob job = next_job(waiting);
      send(job);
      held_.push_back(std::move(job));
    }
    for (size_t started = 0; started < count;) {
      started += type_of(next_packet(launcher_.get())) == wire::Type::started ? 1U : 0U;
    }
    return count;
  }

  // Kills them; how many have ended by that.
  size_t release() {
    for (const RunnerJob& job : held_) {
      wire::Kill kill;
      kill.id = job.run.id;
      kill.cause = wire::kCancelled;
      if (send_struct(launcher_.get(), kill) != 0) give_up("the launcher takes no kill");
    }
    size_t ended = 0;
    for (size_t i = 0; i < held_.size();) {
      const Packet packet = next_packet(launcher_.get());
      if (type_of(packet) != wire::Type::finished) continue;
      ++i;
      ended += wire::packet_as<wire::Finished>(packet.bytes).causes == wire::kCancelled ? 1U : 0U;
    }
    held_.clear();
    return ended;
  }

 private:
  static wire::Type type_of(const Packet& packet) {
    const auto type = wire::packet_type(packet.bytes);
    if (!type) give_up("an unknown packet: launcher and benchmark are of two builds");
    return *type;
  }

  RunnerJob next_job(const CellRequest& request) {
    RunnerJob job = make_job(next_++, request, 0);
    if (!job.refusal.empty()) give_up(job.refusal);
    return job;
  }

  void send(RunnerJob& job) {
    std::array<int, wire::kRunFdCount> fds{};
    for (size_t i = 0; i < fds.size(); ++i) fds[i] = job.fds[i].get();
    if (send_struct(launcher_.get(), job.run, fds) != 0) give_up("the launcher takes no request");
    for (UniqueFd& fd : job.fds) fd.reset();
  }

  bool wait(CellId id) {
    bool started = false;
    for (;;) {
      const Packet packet = next_packet(launcher_.get());
      const wire::Type type = type_of(packet);
      if (type == wire::Type::started) {
        started = wire::packet_as<wire::Started>(packet.bytes).id == id;
      } else if (type == wire::Type::finished) {
        const auto end = wire::packet_as<wire::Finished>(packet.bytes);
        return started && end.id == id && !end.failure.failed() && end.causes == 0 &&
               WIFEXITED(end.wait_status) && WEXITSTATUS(end.wait_status) == 0;
      }
    }
  }

  Monitor monitor_;
  UniqueFd launcher_;
  CellRequest request_;
  CellId next_ = 1;
  std::vector<RunnerJob> held_;
};

// The same of a plain process.
int64_t fork_exec_wait(std::vector<char*>& argv) {
  const int64_t begin = to_micros(real_now().mono);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  int status = -1;
  if (pid < 0 || ::waitpid(pid, &status, 0) != pid) give_up("cannot fork and wait");
  const int64_t took = to_micros(real_now().mono) - begin;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? took : -1;
}

// Runs and answers one order.
template <class Run>
void measure(size_t count, int64_t every_us, Run run) {
  std::vector<int64_t> took;
  const auto begin = std::chrono::steady_clock::now();
  for (size_t n = 0; n < count; ++n) {
    std::this_thread::sleep_until(begin + std::chrono::microseconds(every_us) * n);
    if (const int64_t us = run(); us >= 0) took.push_back(us);
  }
  std::ranges::sort(took);
  std::cout << (took.empty() ? -1 : took[took.size() / 2]) << " " << took.size() << std::endl;
}

void say(size_t number) { std::cout << number << std::endl; }

void obey(const std::string& line, Worker& worker) {
  std::istringstream words(line);
  std::string what;
  size_t count = 0;
  int64_t every_us = 0;
  words >> what >> count >> every_us;
  std::vector<std::string> rest{std::istream_iterator<std::string>(words), {}};
  if (what == "launcher") return say(static_cast<size_t>(worker.launcher_pid()));
  if (what == "release") return say(worker.release());
  if (count == 0) give_up("no order: " + line);
  if (what == "hold") return say(worker.hold(count));
  if ((what != "cell") == rest.empty()) give_up("no order: " + line);
  if (what == "cell") return measure(count, every_us, [&] { return worker.run(); });
  std::vector<char*> argv;
  for (std::string& word : rest) argv.push_back(word.data());
  argv.push_back(nullptr);
  measure(count, every_us, [&] { return fork_exec_wait(argv); });
}

}  // namespace
}  // namespace kiln::sandbox

int main(int argc, char** argv) {
  using kiln::sandbox::give_up;
  if (argc != 3) give_up("usage: kiln-bench-cells LAUNCHER PROGRAM");
  std::ifstream file(argv[2], std::ios::binary);
  const std::string program{std::istreambuf_iterator<char>(file), {}};
  if (program.empty()) give_up("cannot read the program");
  kiln::sandbox::Worker worker(argv[1], program);
  for (std::string line; std::getline(std::cin, line);) kiln::sandbox::obey(line, worker);
}
