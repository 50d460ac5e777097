// _kiln_warm: what makes an interpreter a warm parent. boot.py imports it, asks it for the modules
// to import, and then lets it serve until the launcher closes its end of the socket.
//
// Theory of operation: one thread, one poll(2) over the launcher's socket and a signalfd. For each
// Fork the parent changes the pid namespace of its children to the cell's (setns(2)), forks as
// os.fork() would, and changes it back. The child enters the cell (start.h) and never comes back
// here. Dead children are reaped at once: a cell's init cannot end while one of its processes is a
// zombie of ours.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <map>

#include "sandbox/cell_program.h"
#include "sandbox/files.h"
#include "sandbox/socket.h"
#include "sandbox/warm/start.h"
#include "sandbox/warm_wire.h"

namespace kiln::sandbox::warm {
namespace {

class Server {
 public:
  explicit Server(Interpreter& interpreter) : interpreter_(interpreter) {}

  // Until the launcher closes its end. False: errno says what could not be prepared.
  bool run(uint32_t missing) {
    if (!prepare()) return false;
    Loaded loaded;
    loaded.missing = missing;
    if (send_struct(kSocketFd, loaded) != 0) return false;
    while (turn()) {
    }
    return true;
  }

 private:
  bool prepare() {
    const auto setup = packet_of<Setup>(receive_packet(kSocketFd).bytes);
    if (!setup) return false;
    setup_ = *setup;
    filter_.code.assign(setup_.filter.begin(), setup_.filter.begin() + setup_.filter_length);
    filter_.probes.assign(setup_.probes.begin(), setup_.probes.begin() + setup_.probe_count);
    wire::reserve_view(view_);
    own_pids_.reset(::open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC));
    sigset_t child;
    ::sigemptyset(&child);
    ::sigaddset(&child, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &child, nullptr);
    deaths_.reset(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
    ::sigaction(SIGINT, nullptr, &interpreter_.interrupt);
    ::sigaction(SIGPIPE, nullptr, &interpreter_.broken_pipe);
    ::sigaction(SIGXFSZ, nullptr, &interpreter_.file_too_large);
    // A fork copies one thread, and setns(2) into a user namespace refuses more.
    return own_pids_ && deaths_ && thread_count() == 1;
  }

  bool turn() {
    std::array<pollfd, 2> polls = {pollfd{kSocketFd, POLLIN, 0}, pollfd{deaths_.get(), POLLIN, 0}};
    if (::poll(polls.data(), polls.size(), -1) < 0) return errno == EINTR;
    if (polls[1].revents != 0) reap();
    return polls[0].revents == 0 || read_request();
  }

  bool read_request() {
    Packet packet = receive_packet(kSocketFd, MSG_DONTWAIT);
    if (packet.error == EAGAIN) return true;
    const auto request = packet_of<Fork>(packet.bytes);
    if (packet.error != 0 || packet.end_of_file || !request) return false;
    const int error = packet.fds.size() < kFirstJoinFd ? EBADMSG : fork(*request, packet.fds);
    if (error == 0) return true;
    Ended ended;
    ended.cell = request->cell;
    ended.error = error;
    return send_struct(kSocketFd, ended) == 0;
  }

  int fork(const Fork& request, const std::vector<UniqueFd>& fds) {
    if (::setns(fds[kInitFd].get(), CLONE_NEWPID) != 0) return errno;
    PyOS_BeforeFork();
    const pid_t pid = ::fork();
    if (pid == 0) become_program(request, fds);
    const int error = pid < 0 ? errno : 0;
    // A parent whose children are born into somebody's cell is none.
    if (::setns(own_pids_.get(), CLONE_NEWPID) != 0) ::_exit(1);
    PyOS_AfterFork_Parent();
    if (error == 0) programs_[pid] = request.cell;
    return error;
  }

  [[noreturn]] void become_program(const Fork& request, const std::vector<UniqueFd>& fds) {
    std::array<int, kMaxJoins> joins{};
    const size_t count = std::min(joins.size(), fds.size() - kFirstJoinFd);
    for (size_t i = 0; i < count; ++i) joins.at(i) = fds[kFirstJoinFd + i].get();
    CellPlan plan;
    plan.order_view = &view_;
    plan.cgroup_joins = std::span(joins).first(count);
    plan.filter = &filter_;
    plan.filters = setup_.filter_count;
    plan.launcher_namespaces = setup_.launcher_namespaces;
    plan.self_test = request.self_test != 0;
    plan.init_fd = fds[kInitFd].get();
    plan.exec_report = fds[kProgramSocketFd].get();
    plan.prepare = prepare_warm;
    plan.start = start_warm;
    run_program(plan);
  }

  void reap() {
    signalfd_siginfo death{};
    while (::read(deaths_.get(), &death, sizeof death) > 0) {
    }
    while (true) {
      Ended ended;
      rusage usage{};
      const pid_t pid = ::wait4(-1, &ended.wait_status, WNOHANG, &usage);
      if (pid <= 0) return;
      const auto program = programs_.find(pid);
      if (program == programs_.end()) continue;
      ended.cell = program->second;
      ended.rss_bytes = int64_t{usage.ru_maxrss} * 1024;
      ended.at_us = monotonic_us();
      programs_.erase(program);
      if (send_struct(kSocketFd, ended) != 0) ::_exit(1);
    }
  }

  Interpreter& interpreter_;
  Setup setup_;
  ProgramFilter filter_;
  wire::RunView view_;
  UniqueFd own_pids_, deaths_;
  std::map<pid_t, uint64_t> programs_;
};

PyObject* modules(PyObject*, PyObject*) {
  const Packet packet = receive_packet(kSocketFd);
  return PyUnicode_DecodeUTF8(reinterpret_cast<const char*>(packet.bytes.data()),
                              static_cast<Py_ssize_t>(packet.bytes.size()), "strict");
}

// serve((reseed, rehearse, enter, leave, flush, compile), modules, missing): until the launcher has
// gone. Exits.
PyObject* serve(PyObject*, PyObject* arguments) {
  Interpreter interpreter;
  const char* names = nullptr;
  unsigned missing = 0;
  if (PyArg_ParseTuple(arguments, "(OOOOOO)sI", &interpreter.reseed, &interpreter.rehearse,
                       &interpreter.enter, &interpreter.leave, &interpreter.flush,
                       &interpreter.compile, &names, &missing) == 0) {
    return nullptr;
  }
  for (std::string_view rest(names); !rest.empty();) {
    const size_t space = rest.find(' ');
    interpreter.modules.emplace(rest.substr(0, space));
    rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
  }
  PyObject* const argv = PySys_GetObject("orig_argv");
  const auto word = [argv](Py_ssize_t at) {
    PyObject* const bytes = PyUnicode_AsUTF8String(PyList_GetItem(argv, at));
    std::string out(PyBytes_AsString(bytes));
    Py_DECREF(bytes);
    return out;
  };
  interpreter.path = word(0);
  interpreter.main_file = word(1);
  set_interpreter(&interpreter);
  const bool served = Server(interpreter).run(missing);
  ::_exit(served ? 0 : 1);
}

// give_up(missing): the image has nothing of its own. Exits.
PyObject* give_up(PyObject*, PyObject* missing) {
  Loaded loaded;
  loaded.missing = static_cast<uint32_t>(PyLong_AsUnsignedLong(missing));
  loaded.useless = 1;
  send_struct(kSocketFd, loaded);
  ::_exit(0);
}

PyMethodDef g_methods[] = {
    {"modules", modules, METH_NOARGS,
     "Two lines of names: the modules to import, and the image's own."},
    {"give_up", give_up, METH_O, "Says that there is nothing to keep; does not return."},
    {"serve", serve, METH_VARARGS, "Forks programs until the launcher has gone; does not return."},
    {nullptr, nullptr, 0, nullptr}};
PyModuleDef_Slot g_slots[] = {{0, nullptr}};
PyModuleDef g_module = {
    PyModuleDef_HEAD_INIT, "_kiln_warm", nullptr, 0, g_methods, g_slots, nullptr, nullptr, nullptr};

}  // namespace
}  // namespace kiln::sandbox::warm

PyMODINIT_FUNC PyInit__kiln_warm() { return PyModuleDef_Init(&kiln::sandbox::warm::g_module); }
