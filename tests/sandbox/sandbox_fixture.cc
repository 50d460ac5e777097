#include "tests/sandbox/sandbox_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "sandbox/cgroup.h"

namespace kiln::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kFirstUid = 231'072;
constexpr uint32_t kLastUid = kFirstUid + 64 * 512;  // every block a launcher may take

std::vector<pid_t> all_processes() {
  std::vector<pid_t> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") == std::string::npos) out.push_back(std::stoi(name));
  }
  return out;
}

size_t entries(const std::string& path) {
  size_t count = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    count += entry.path().empty() ? 0U : 1U;
  }
  return count;
}

std::vector<fs::path> instances() {
  std::vector<fs::path> out;
  for (const std::string& directory : find_own_cgroups().directories) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory, error)) {
      if (entry.path().filename().string().starts_with("kiln-")) out.push_back(entry.path());
    }
  }
  return out;
}

}  // namespace

int64_t scaled_ms(int64_t ms) {
  static const char* const factor = std::getenv("KILN_TEST_TIME_FACTOR");
  return factor == nullptr ? ms : ms * std::max(1, std::atoi(factor));
}

std::vector<model::EnvVar> cell_environment() {
  return {{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"HOME", "/box"}, {"LANG", "C.UTF-8"}};
}

CellRequest python(const std::string& code) {
  CellRequest request;
  request.argv = {kPython, "-I", "-S", "/box/main.py"};
  request.env = cell_environment();
  request.files = {{"main.py", code}};
  request.limits.wall_ms = scaled_ms(20'000);
  request.limits.soft_ms = 0;
  request.limits.cpu_ms = scaled_ms(20'000);
  request.limits.memory_bytes = 128 * model::kMB;
  request.limits.box_bytes = 16 * model::kMB;
  request.limits.tmp_bytes = 16 * model::kMB;
  request.limits.shm_bytes = 16 * model::kMB;
  return request;
}

CellRequest program(const std::string& file, const std::vector<std::string>& args) {
  std::ifstream source(std::string(KILN_TEST_PROGRAMS) + "/" + file);
  EXPECT_TRUE(source.good()) << file;
  std::stringstream text;
  text << source.rdbuf();
  CellRequest request = python(text.str());
  request.argv.insert(request.argv.end(), args.begin(), args.end());
  return request;
}

std::string Sandbox::default_launcher() { return KILN_LAUNCHER; }
std::string Sandbox::faulty_launcher() { return KILN_FAULTY_LAUNCHER; }

Sandbox::Sandbox(const std::string& launcher, const std::function<void()>& after_monitor) {
  MonitorOptions options;
  options.launcher_path = launcher;
  auto monitor = fork_monitor(options);
  if (!monitor) {
    status_ = monitor.error();
    return;
  }
  monitor_pid_ = monitor->pid;
  after_monitor();
  CellHandlers handlers;
  handlers.on_started = [this](CellId id) {
    const std::lock_guard lock(mutex_);
    started_.insert(id);
    changed_.notify_all();
  };
  handlers.on_output = [this](CellId id, Stream stream, uint64_t offset, std::string_view bytes) {
    const std::lock_guard lock(mutex_);
    if (stream != Stream::out) return;
    EXPECT_EQ(offset, output_[id].size());
    output_[id].append(bytes);
    changed_.notify_all();
  };
  handlers.on_finished = [this](CellId id, model::TaskResult result) {
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(results_.contains(id)) << "told twice";
    results_[id] = std::move(result);
    changed_.notify_all();
  };
  auto runner = CellRunner::start({std::move(monitor->control)}, std::move(handlers));
  if (runner) {
    runner_ = std::move(*runner);
  } else {
    status_ = runner.error();
  }
}

Sandbox::~Sandbox() {
  runner_.reset();
  if (monitor_pid_ < 0) return;
  siginfo_t info{};
  const bool ended = eventually([&] {
    return ::waitid(P_PID, static_cast<id_t>(monitor_pid_), &info, WEXITED | WNOHANG) == 0 &&
           info.si_pid == monitor_pid_;
  });
  EXPECT_TRUE(ended) << "the monitor outlives its worker";
}

template <class Condition>
bool Sandbox::wait_until(Condition condition) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kTestPatience, condition);
}

CellId Sandbox::start(CellRequest request) {
  const CellId id = next_++;
  runner_->run(id, std::move(request));
  return id;
}

void Sandbox::wait_started(CellId id) {
  ASSERT_TRUE(wait_until([&] { return started_.contains(id) || results_.contains(id); }));
}

void Sandbox::wait_output(CellId id, const std::string& text) {
  ASSERT_TRUE(wait_until([&] { return output_[id].find(text) != std::string::npos; }))
      << "no '" << text << "' in: " << output_[id];
}

model::TaskResult Sandbox::wait(CellId id) {
  if (!wait_until([&] { return results_.contains(id); })) {
    ADD_FAILURE() << "cell " << id << " did not end";
    return {};
  }
  const std::lock_guard lock(mutex_);
  return results_[id];
}

std::string Sandbox::live_output(CellId id) {
  const std::lock_guard lock(mutex_);
  return output_[id];
}

std::vector<pid_t> cell_processes() {
  std::vector<pid_t> out;
  for (const pid_t pid : all_processes()) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    std::string line;
    while (std::getline(file, line)) {
      unsigned uid = 0;
      if (std::sscanf(line.c_str(), "Uid: %u", &uid) != 1) continue;
      if (uid >= kFirstUid && uid < kLastUid) out.push_back(pid);
    }
  }
  return out;
}

std::vector<pid_t> children_of(pid_t parent) {
  const std::string number = std::to_string(parent);
  std::ifstream file("/proc/" + number + "/task/" + number + "/children");
  std::vector<pid_t> out;
  for (pid_t pid = 0; file >> pid;) out.push_back(pid);
  return out;
}

bool is_alive(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  const size_t name_end = text.rfind(')');
  return name_end != std::string::npos && text.substr(name_end + 2, 1) != "Z";
}

pid_t launcher_of(pid_t monitor) {
  const auto children = children_of(monitor);
  return children.size() == 1 ? children[0] : -1;
}

std::vector<std::string> cell_cgroups() {
  std::vector<std::string> out;
  for (const fs::path& instance : instances()) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(instance, error)) {
      if (entry.is_directory(error)) out.push_back(entry.path());
    }
  }
  return out;
}

size_t instance_cgroups() { return instances().size(); }

size_t open_descriptors(pid_t pid) { return entries("/proc/" + std::to_string(pid) + "/fd"); }

size_t mounts_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/mountinfo");
  size_t lines = 0;
  for (std::string line; std::getline(file, line);) ++lines;
  return lines;
}

Footprint footprint(const Sandbox& sandbox) {
  const pid_t launcher = launcher_of(sandbox.monitor_pid());
  Footprint out{};
  out.processes = cell_processes().size();
  out.cgroups = cell_cgroups().size();
  out.launcher_fds = open_descriptors(launcher);
  out.launcher_mounts = mounts_of(launcher);
  out.launcher_children = children_of(launcher).size();
  out.own_fds = open_descriptors(::getpid());
  return out;
}

void PrintTo(const Footprint& f, std::ostream* out) {
  *out << "processes " << f.processes << ", cgroups " << f.cgroups << ", launcher's descriptors "
       << f.launcher_fds << ", mounts " << f.launcher_mounts << ", children " << f.launcher_children
       << ", own descriptors " << f.own_fds;
}

int in_child(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int code = body();
    std::fflush(nullptr);
    ::_exit(code);
  }
  int status = -1;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    ::poll(nullptr, 0, 2);
  }
  return true;
}

}  // namespace kiln::sandbox
