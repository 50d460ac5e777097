// run_bare(): what a program comes to that is started as anybody would start it.
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "base/fd.h"
#include "base/null_ended.h"
#include "sandbox/memory_file.h"
#include "tests/warm/program.h"

namespace kiln::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kUser = 1000;
constexpr int kPatienceMs = 30'000;

void check(bool done, const char* what) {
  if (!done) throw std::runtime_error(what);
}

void mount_tmpfs(const std::string& where, const char* options) {
  fs::create_directory(where);
  check(::mount("tmpfs", where.c_str(), "tmpfs", 0, options) == 0, "mount a tmpfs");
}

void bind_host(const std::string& what, const std::string& root) {
  fs::create_directories(root + what);
  check(::mount(what.c_str(), (root + what).c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0,
        "bind");
}

void put_file(const std::string& path, const std::string& bytes) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

// In a mount namespace of this process' own, so that all of it goes with it.
void enter_root(const CorpusProgram& program) {
  check(::unshare(CLONE_NEWNS) == 0, "unshare");
  check(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "make private");
  const std::string root = "/mnt";
  mount_tmpfs(root, "mode=0755");
  for (const char* name : {"bin", "sbin", "lib", "lib64"}) {
    fs::create_symlink(std::string("usr/") + name, root + "/" + name);
  }
  for (const char* name : {"/usr", "/proc", "/dev"}) bind_host(name, root);
  mount_tmpfs(root + "/dev/shm", "mode=1777");
  mount_tmpfs(root + "/tmp", "mode=1777");
  mount_tmpfs(root + "/box", "mode=0755,uid=1000,gid=1000");
  put_file(root + "/etc/passwd",
           "root:x:0:0:root:/:/usr/sbin/nologin\nbox:x:1000:1000:box:/box:/bin/sh\n");
  put_file(root + "/etc/group", "root:x:0:\nbox:x:1000:\n");
  put_file(root + "/box/main.py", program.source);
  for (const model::InputFile& file : program.files)
    put_file(root + "/box/" + file.path, file.bytes);
  for (const auto& entry : fs::recursive_directory_iterator(root + "/box")) {
    check(::chown(entry.path().c_str(), kUser, kUser) == 0, "chown");
  }
  check(::chroot(root.c_str()) == 0 && ::chdir("/box") == 0, "chroot");
}

void set_limit(__rlimit_resource resource, rlim_t soft, rlim_t hard) {
  const rlimit limit{soft, hard};
  ::setrlimit(resource, &limit);
}

[[noreturn]] void become(const CorpusProgram& program, int input, int output, int errors) {
  enter_root(program);
  ::dup2(input, 0);
  ::dup2(output, 1);
  ::dup2(errors, 2);
  ::close_range(3, ~0U, 0);
  set_limit(RLIMIT_NOFILE, 1024, 1024);  // as in a cell
  set_limit(RLIMIT_CORE, 1, 1);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  ::umask(022);
  ::setsid();
  check(::setgroups(0, nullptr) == 0 && ::setgid(kUser) == 0 && ::setuid(kUser) == 0, "setuid");
  std::vector<std::string> words = {"/usr/bin/python3", "/box/main.py"};
  words.insert(words.end(), program.args.begin(), program.args.end());
  std::vector<std::string> variables;
  for (const auto& [name, value] : program.env) variables.push_back(name + "=" + value);
  ::execve(words[0].c_str(), null_ended(words).data(), null_ended(variables).data());
  ::_exit(127);
}

struct Pipe {
  UniqueFd reader, writer;
  Pipe() {
    int ends[2];
    check(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
    reader.reset(ends[0]);
    writer.reset(ends[1]);
  }
};

// Until both are closed, or the program is silent for too long: then it is killed.
void read_both(pid_t pid, const Pipe& out, const Pipe& err, Outcome& outcome) {
  std::array<pollfd, 2> polls = {pollfd{out.reader.get(), POLLIN, 0},
                                 pollfd{err.reader.get(), POLLIN, 0}};
  std::array<std::string*, 2> texts = {&outcome.out, &outcome.err};
  while (polls[0].fd >= 0 || polls[1].fd >= 0) {
    if (::poll(polls.data(), polls.size(), kPatienceMs) == 0) ::kill(pid, SIGKILL);
    for (size_t i = 0; i < polls.size(); ++i) {
      if (polls.at(i).revents == 0) continue;
      std::array<char, 65536> buffer{};
      const ssize_t got = ::read(polls.at(i).fd, buffer.data(), buffer.size());
      if (got <= 0) polls.at(i).fd = -1;
      if (got > 0) texts.at(i)->append(buffer.data(), static_cast<size_t>(got));
    }
  }
}

}  // namespace

Outcome run_bare(const CorpusProgram& program) {
  auto input = make_memory_file("stdin", program.stdin_bytes);
  check(input.ok(), "a memory file");
  Pipe out, err;
  const pid_t pid = ::fork();
  if (pid == 0) {
    try {
      become(program, input->get(), out.writer.get(), err.writer.get());
    } catch (const std::exception& e) {
      ::dprintf(err.writer.get(), "%s: %s\n", e.what(), std::strerror(errno));
      ::_exit(126);
    }
  }
  out.writer.reset();
  err.writer.reset();
  Outcome outcome;
  read_both(pid, out, err, outcome);
  int status = 0;
  ::waitpid(pid, &status, 0);
  outcome.status = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  return outcome;
}

}  // namespace kiln::sandbox
