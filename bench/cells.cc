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
    const CellId id = next_++;
    RunnerJob job = make_job(id, request_, 0);
    if (!job.refusal.empty()) give_up(job.refusal);
    std::array<int, wire::kRunFdCount> fds{};
    for (size_t i = 0; i < fds.size(); ++i) fds[i] = job.fds[i].get();
    const int64_t begin = to_micros(real_now().mono);
    if (send_struct(launcher_.get(), job.run, fds) != 0) give_up("the launcher takes no request");
    for (UniqueFd& fd : job.fds) fd.reset();
    const bool ran = wait(id);
    const int64_t took = to_micros(real_now().mono) - begin;
    return ran ? took : -1;
  }

 private:
  static wire::Type type_of(const Packet& packet) {
    const auto type = wire::packet_type(packet.bytes);
    if (!type) give_up("an unknown packet: launcher and benchmark are of two builds");
    return *type;
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

void obey(const std::string& line, Worker& worker) {
  std::istringstream words(line);
  std::string what;
  size_t count = 0;
  int64_t every_us = 0;
  words >> what >> count >> every_us;
  std::vector<std::string> rest{std::istream_iterator<std::string>(words), {}};
  if (count == 0 || (what != "cell") == rest.empty()) give_up("no order: " + line);
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
