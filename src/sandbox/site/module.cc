// _kiln: turns the soft time limit into an exception. Every interpreter in a cell imports it when
// it starts (kiln.pth); a program forked from a warm one has it called again.
//
// The limit is a SIGTERM from outside the cell, whose sender has no process id in here: si_pid is 0
// (pid_namespaces(7)). Only that becomes kiln.SoftTimeLimitExceeded, and only in the process that
// was told to; any other SIGTERM ends the process as if there were no handler, and so it does in
// its children.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace {

pid_t g_process = 0;             // whose limit it is
struct sigaction g_python = {};  // Python's own: it has the function below called

void on_signal(int number, siginfo_t* info, void*) {
  const int saved = errno;
  if (info->si_code == SI_USER && info->si_pid == 0 && ::getpid() == g_process) {
    g_python.sa_handler(number);
  } else {
    ::signal(number, SIG_DFL);
    ::kill(::getpid(), number);  // delivered when this handler returns
  }
  errno = saved;
}

PyObject* soft_time_limit(PyObject*, PyObject*) {
  PyObject* const module = PyImport_ImportModule("kiln");
  if (module == nullptr) return nullptr;
  PyObject* const kind = PyObject_GetAttrString(module, "SoftTimeLimitExceeded");
  if (kind != nullptr) PyErr_SetString(kind, "the task's soft time limit is over");
  Py_XDECREF(kind);
  Py_DECREF(module);
  return nullptr;
}

// Python takes it for a handler like any other: signal.signal() and getsignal() work with it.
int install(PyObject* module) {
  PyObject* const handler = PyObject_GetAttrString(module, "soft_time_limit");
  PyObject* const signals = PyImport_ImportModule("_signal");
  PyObject* const before = handler == nullptr || signals == nullptr
                               ? nullptr
                               : PyObject_CallMethod(signals, "signal", "iO", SIGTERM, handler);
  Py_XDECREF(handler);
  Py_XDECREF(signals);
  if (before == nullptr) return -1;
  Py_DECREF(before);
  struct sigaction ours = {};
  ::sigaction(SIGTERM, nullptr, &g_python);
  ours.sa_sigaction = on_signal;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigaction(SIGTERM, &ours, nullptr);
  g_process = ::getpid();
  return 0;
}

PyObject* install_again(PyObject* module, PyObject*) {
  if (install(module) != 0) return nullptr;
  Py_RETURN_NONE;
}

PyMethodDef g_methods[] = {
    {"soft_time_limit", soft_time_limit, METH_VARARGS, "Raises kiln.SoftTimeLimitExceeded."},
    {"install", install_again, METH_NOARGS, "In a fork: the limit is this process' from now on."},
    {nullptr, nullptr, 0, nullptr}};

// Where it cannot be installed, in a thread or where there are no signals, nothing is lost but the
// exception: a SIGTERM ends the process.
int start(PyObject* module) {
  if (install(module) != 0) PyErr_Clear();
  return 0;
}

PyModuleDef_Slot g_slots[] = {{Py_mod_exec, reinterpret_cast<void*>(start)}, {0, nullptr}};
PyModuleDef g_module = {
    PyModuleDef_HEAD_INIT, "_kiln", nullptr, 0, g_methods, g_slots, nullptr, nullptr, nullptr};

}  // namespace

PyMODINIT_FUNC PyInit__kiln() { return PyModuleDef_Init(&g_module); }
