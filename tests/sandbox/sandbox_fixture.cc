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

#include "model/environment.h"
#include "sandbox/cgroup.h"

namespace kiln::sandbox {
namespace {

namespace fs = std::filesystem;

size_t entries(const std::string& path) {
  size_t count = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    count += entry.path().empty() ? 0U : 1U;
  }
  return count;
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

WarmImage warm_image() {
  return {"python", kPython, "main.py", "json random re tempfile threading uuid", ""};
}

CellRequest warm_python(const std::string& code) {
  CellRequest request = python(code);
  request.argv = {kPython, "/box/main.py"};
  request.env = model::base_environment();
  request.image = 1;
  return request;
}

namespace {

std::string launcher_or(const char* otherwise) {
  const char* path = std::getenv("KILN_TEST_LAUNCHER");
  return path == nullptr ? otherwise : path;
}

}  // namespace

std::string Sandbox::default_launcher() { return launcher_or(KILN_LAUNCHER); }
std::string Sandbox::faulty_launcher() { return launcher_or(KILN_FAULTY_LAUNCHER); }

PatchedLauncher::PatchedLauncher(const std::string& names) {
  constexpr std::string_view kMark = "KILN_TEST_FAULTS: ";
  std::ifstream in(Sandbox::faulty_launcher(), std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  size_t at = bytes.find(kMark);
  if (at == std::string::npos) throw std::runtime_error("no place for faults in the launcher");
  at += kMark.size();
  while (bytes[at] != '\0') ++at;  // what is left out already
  bytes.replace(at, names.size() + 1, names + " ");
  path_ = (fs::temp_directory_path() / ("kiln-patched-" + std::to_string(::getpid()))).string();
  std::ofstream(path_, std::ios::binary) << bytes;
  fs::permissions(path_, fs::perms::owner_all);
}

PatchedLauncher::~PatchedLauncher() { fs::remove(path_); }

uint32_t Sandbox::default_ahead() {
  const char* value = std::getenv("KILN_TEST_CELLS_AHEAD");
  return value == nullptr ? 0 : static_cast<uint32_t>(std::atoi(value));
}

template <class Condition>
bool Sandbox::wait_until(Condition condition) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kTestPatience, condition);
}

Sandbox::Sandbox(const std::string& launcher, const std::function<void()>& after_monitor,
                 uint32_t cells_ahead, std::chrono::milliseconds ahead_for,
                 const std::vector<WarmImage>& images) {
  MonitorOptions options;
  options.images = images;
  // Those with modules of their own start when they are asked for.
  images_ = static_cast<size_t>(
      std::ranges::count_if(images, [](const WarmImage& image) { return image.own.empty(); }));
  options.ahead_for = ahead_for;
  options.cells_ahead = cells_ahead;
  cells_ahead_ = cells_ahead;
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
  handlers.on_pool = [this](uint32_t ready, std::span<const int64_t> build_us) {
    const std::lock_guard lock(mutex_);
    pool_.ready = ready;
    pool_.build_us.insert(pool_.build_us.end(), build_us.begin(), build_us.end());
  };
  handlers.on_start_kind = [this](model::WarmStart start) {
    const std::lock_guard lock(mutex_);
    last_start_ = start;
  };
  handlers.on_image = [this](uint32_t image, bool ready, uint32_t missing) {
    const std::lock_guard lock(mutex_);
    images_told_[image] = {ready, missing};
    changed_.notify_all();
  };
  auto runner = CellRunner::start({std::move(monitor->control)}, std::move(handlers));
  if (runner) {
    runner_ = std::move(*runner);
  } else {
    status_ = runner.error();
  }
  if (status_.ok() && images_ > 0) wait_until_images_told();
  if (status_.ok() && cells_ahead > 0) wait_until_ahead(cells_ahead);
}

// As many as were asked for, and each has told the launcher that it is ready: it opens nothing any
// more.
void Sandbox::wait_until_ahead(uint32_t cells) const {
  constexpr int kLooks = 5;
  const pid_t launcher = launcher_of(monitor_pid_);
  size_t open = 0;
  int alike = 0;
  EXPECT_TRUE(eventually([&] {
    const size_t now = open_descriptors(launcher);
    alike = now == open && processes_below(launcher).size() == 2 * cells + images_ ? alike + 1 : 0;
    open = now;
    return alike == kLooks;
  })) << "no cells were made ahead";
}

void Sandbox::wait_until_images_told() {
  EXPECT_TRUE(wait_until([this] { return images_told_.size() >= images_; }));
}

Sandbox::ImageNews Sandbox::wait_image_told(uint32_t image) {
  EXPECT_TRUE(wait_until([&] { return images_told_.contains(image); }));
  const std::lock_guard lock(mutex_);
  return images_told_[image];
}

model::WarmStart Sandbox::last_start() {
  const std::lock_guard lock(mutex_);
  return last_start_;
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

Sandbox::Pool Sandbox::pool() {
  const std::lock_guard lock(mutex_);
  return pool_;
}

std::string Sandbox::live_output(CellId id) {
  const std::lock_guard lock(mutex_);
  return output_[id];
}

std::vector<pid_t> processes_below(pid_t launcher) {
  std::vector<pid_t> out = children_of(launcher);
  for (size_t i = 0; i < out.size(); ++i) {
    const auto children = children_of(out[i]);
    out.insert(out.end(), children.begin(), children.end());
  }
  return out;
}

std::vector<pid_t> programs_below(pid_t launcher) {
  std::vector<pid_t> out = processes_below(launcher);
  std::erase_if(out, [](pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
    std::string name;
    std::getline(file, name);
    return name == "kiln-launcher";
  });
  return out;
}

unsigned user_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  unsigned uid = 0;
  for (std::string line; std::getline(file, line);) {
    if (std::sscanf(line.c_str(), "Uid: %u", &uid) == 1) break;
  }
  return uid;
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

// Where the descriptors of `pid` lead.
std::vector<std::string> links_of(pid_t pid) {
  std::vector<std::string> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(pid) + "/fd", error)) {
    out.push_back(fs::read_symlink(entry.path(), error).string());
  }
  return out;
}

// The launcher sees nothing of the host's mounts any more: of its directories only the names tell.
std::vector<std::string> instances_of(pid_t launcher) {
  std::set<std::string> names;
  for (const std::string& link : links_of(launcher)) {
    const std::string name = fs::path(link).filename().string();
    if (name.starts_with("kiln-")) names.insert(name);
  }
  std::vector<std::string> out;
  for (const std::string& directory : find_own_cgroups().directories) {
    for (const std::string& name : names) {
      if (fs::is_directory(fs::path(directory) / name)) out.push_back(directory + "/" + name);
    }
  }
  return out;
}

// Without those of network namespaces that wait to be used again: they are bounded by themselves.
size_t lasting_descriptors(pid_t launcher) {
  const auto of_a_network = [](const std::string& link) {
    return link.starts_with("net:") || link.find("/net/") != std::string::npos;
  };
  const std::vector<std::string> links = links_of(launcher);
  return links.size() - static_cast<size_t>(std::ranges::count_if(links, of_a_network));
}

size_t cells_in(const std::vector<std::string>& instances) {
  size_t count = 0;
  for (const std::string& instance : instances) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(instance, error)) {
      count += entry.is_directory(error) ? 1U : 0U;
    }
  }
  return count;
}

bool none_exists(const std::vector<std::string>& paths) {
  return std::ranges::none_of(paths, [](const std::string& path) { return fs::exists(path); });
}

bool none_alive(const std::vector<pid_t>& pids) { return std::ranges::none_of(pids, is_alive); }

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
  out.processes = processes_below(launcher).size();
  out.instances = instances_of(launcher).size();
  out.cells = cells_in(instances_of(launcher));
  out.launcher_fds = lasting_descriptors(launcher);
  out.launcher_mounts = mounts_of(launcher);
  out.own_fds = open_descriptors(::getpid());
  return out;
}

Footprint footprint_at_rest(Sandbox& sandbox) {
  const auto at_rest = [&sandbox] {
    const Footprint now = footprint(sandbox);
    return now.cells == sandbox.cells_ahead() * now.instances &&
           sandbox.pool().ready == sandbox.cells_ahead();
  };
  EXPECT_TRUE(eventually(at_rest));
  return footprint(sandbox);
}

void PrintTo(const Footprint& f, std::ostream* out) {
  *out << "processes " << f.processes << ", control groups " << f.cells << " in " << f.instances
       << ", launcher's descriptors " << f.launcher_fds << ", mounts " << f.launcher_mounts
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
  if (const char* most = std::getenv("KILN_TEST_PATIENCE_MS")) {
    patience = std::min(patience, std::chrono::milliseconds(std::atoi(most)));
  }
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    ::poll(nullptr, 0, 2);
  }
  return true;
}

}  // namespace kiln::sandbox
