#include "sandbox/warm/start.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "sandbox/cell_program.h"
#include "sandbox/faults.h"
#include "sandbox/socket.h"
#include "sandbox/warm/fit.h"

namespace kiln::sandbox::warm {
namespace {

Interpreter* g_interpreter = nullptr;

constexpr int kUnflushed = 120;  // Python's exit status when its output could not be written

// The program's frames shall have nothing below them, and its first thread's state shall be as new.
// So it gets a new one, and the parent's goes: no frame of it is ever returned to. Each state is
// the current one of this thread only if there is no other when it is made (PyGILState_Ensure).
void renew_thread_state() {
  PyInterpreterState* const interpreter = PyInterpreterState_Get();
  for (int i = 0; i < 2; ++i) {
    PyThreadState* const old = PyThreadState_Get();
    PyThreadState_Swap(PyThreadState_New(interpreter));
    PyThreadState_Clear(old);
    PyThreadState_Delete(old);
  }
}

// What threading._after_fork() leaves as it was.
void note_thread() {
  PyObject* const threading = PyDict_GetItemString(PyImport_GetModuleDict(), "threading");
  if (threading == nullptr) return;
  PyObject* const thread = PyObject_GetAttrString(threading, "_main_thread");
  PyObject* const number = PyLong_FromLong(::gettid());
  if (thread == nullptr || PyObject_SetAttrString(thread, "_native_id", number) != 0) PyErr_Clear();
  Py_XDECREF(thread);
  Py_DECREF(number);
}

PyObject* list_of(const std::vector<const char*>& words) {
  PyObject* const list = PyList_New(0);
  for (const char* const word : words) {
    if (word == nullptr) break;
    PyObject* const text = PyUnicode_DecodeFSDefault(word);
    PyList_Append(list, text);
    Py_DECREF(text);
  }
  return list;
}

PyObject* variables_of(const std::vector<const char*>& words) {
  PyObject* const list = PyList_New(0);
  for (const char* const word : words) {
    const char* const equals = word == nullptr ? nullptr : std::strchr(word, '=');
    if (equals == nullptr) continue;
    PyObject* const name = PyUnicode_DecodeFSDefaultAndSize(word, equals - word);
    PyObject* const value = PyUnicode_DecodeFSDefault(equals + 1);
    PyObject* const pair = PyTuple_Pack(2, name, value);
    PyList_Append(list, pair);
    for (PyObject* const done : {name, value, pair}) Py_DECREF(done);
  }
  return list;
}

// What Python/pythonrun.c makes of SystemExit: nothing and None are 0, a number is itself, anything
// else is printed and 1.
int exit_status() {
  PyObject *type = nullptr, *value = nullptr, *trace = nullptr;
  PyErr_Fetch(&type, &value, &trace);
  PyErr_NormalizeException(&type, &value, &trace);
  PyObject* code = value == nullptr ? nullptr : PyObject_GetAttrString(value, "code");
  if (code == nullptr) {
    PyErr_Clear();
    code = value;
  }
  if (code == nullptr || code == Py_None) return 0;
  if (PyLong_Check(code)) return static_cast<int>(PyLong_AsLong(code));
  PyObject* const errors = PySys_GetObject("stderr");
  if (errors != nullptr && errors != Py_None) PyFile_WriteObject(code, errors, Py_PRINT_RAW);
  PyErr_Clear();
  PySys_WriteStderr("\n");
  return 1;
}

struct End {
  int status = 0;
  bool interrupted = false;  // by a KeyboardInterrupt that nobody caught
};

End end_of(PyObject* result) {
  if (result != nullptr) return {};
  if (PyErr_ExceptionMatches(PyExc_SystemExit) != 0) return {exit_status(), false};
  const bool interrupted = PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) != 0;
  PyErr_Print();
  return {1, interrupted};
}

void call_at_end(const char* module_name, const char* function) {
  PyObject* const modules = PyImport_GetModuleDict();
  PyObject* const module = PyDict_GetItemString(modules, module_name);
  if (module == nullptr) return;
  PyObject* const done = PyObject_CallMethod(module, function, nullptr);
  if (done == nullptr) PyErr_WriteUnraisable(module);
  Py_XDECREF(done);
}

bool is_closed(PyObject* file) {
  PyObject* const closed = PyObject_GetAttrString(file, "closed");
  if (closed == nullptr) PyErr_Clear();
  return closed != nullptr && PyObject_IsTrue(closed) == 1;
}

// False: what was printed could not be written.
bool flush(const char* name, bool tell) {
  PyObject* const file = PySys_GetObject(name);
  if (file == nullptr || file == Py_None || is_closed(file)) return true;
  PyObject* const done = PyObject_CallMethod(file, "flush", nullptr);
  if (done != nullptr) return true;
  tell ? PyErr_WriteUnraisable(file) : PyErr_Clear();
  return false;
}

void call(PyObject* function) {
  PyObject* const done = PyObject_CallObject(function, nullptr);
  if (done == nullptr) PyErr_Clear();
  Py_XDECREF(done);
}

// The order of Py_FinalizeEx, which would take the interpreter apart for another 2 ms: threads,
// atexit, output, then what the program's own names hold.
[[noreturn]] void leave(const End& end, PyObject* names) {
  if (!is_left_out(Step::warm_exit)) {
    call_at_end("threading", "_shutdown");
    call_at_end("atexit", "_run_exitfuncs");
  }
  const bool out = flush("stdout", true);
  const bool flushed = flush("stderr", false) && out;
  for (const char* const last : {"last_type", "last_value", "last_traceback"}) {
    if (PySys_GetObject(last) != nullptr) PySys_SetObject(last, Py_None);
  }
  call(g_interpreter->leave);
  Py_DECREF(names);
  PyGC_Collect();
  call(g_interpreter->flush);
  std::fflush(nullptr);
  if (end.interrupted) {
    ::signal(SIGINT, SIG_DFL);
    ::kill(::getpid(), SIGINT);
  }
  ::_exit(flushed ? end.status : kUnflushed);
}

// As the parent has it, which is as most programs do.
bool is_usual(const wire::RunView& program) {
  if (program.argv.size() > 3) return false;  // the interpreter, the file, and the end
  const char* const* own = ::environ;
  for (const char* const variable : program.env) {
    if (variable == nullptr) return *own == nullptr;
    if (*own == nullptr || std::strcmp(*own, variable) != 0) return false;
    ++own;
  }
  return false;
}

void enter(const wire::RunView& program) {
  PyObject* const argv = list_of(program.argv);
  PyObject* const env = variables_of(program.env);
  PyObject* const done = PyObject_CallFunctionObjArgs(g_interpreter->enter, argv, env, nullptr);
  if (done == nullptr) {
    PyErr_Print();
    ::_exit(1);
  }
  for (PyObject* const used : {argv, env, done}) Py_DECREF(used);
}

[[noreturn]] void run(const CellPlan& plan, std::string_view source) {
  if (!is_usual(*plan.program) && !is_left_out(Step::warm_arguments)) enter(*plan.program);
  PyObject* const names = PyModule_GetDict(PyImport_AddModule("__main__"));
  Py_INCREF(names);
  PyObject* const code = PyObject_CallFunction(g_interpreter->compile, "y#ssii", source.data(),
                                               static_cast<Py_ssize_t>(source.size()),
                                               g_interpreter->main_file.c_str(), "exec", 0, 1);
  PyObject* const result = code == nullptr ? nullptr : PyEval_EvalCode(code, names, names);
  Py_XDECREF(code);
  const End end = end_of(result);
  Py_XDECREF(result);
  leave(end, names);
}

void restore_signals() {
  ::sigaction(SIGINT, &g_interpreter->interrupt, nullptr);
  ::sigaction(SIGPIPE, &g_interpreter->broken_pipe, nullptr);
  ::sigaction(SIGXFSZ, &g_interpreter->file_too_large, nullptr);
}

}  // namespace

void prepare_warm() {
  renew_thread_state();
  PyOS_AfterFork_Child();
  note_thread();
  if (!is_left_out(Step::warm_seeds)) call(g_interpreter->reseed);
  call(g_interpreter->rehearse);
}

void set_interpreter(Interpreter* interpreter) { g_interpreter = interpreter; }

int start_warm(CellPlan& plan) {
  std::string_view source;
  const model::WarmStart how = fit(*plan.program, *g_interpreter, source);
  StepFailure told;  // none: the init takes its index for how this starts
  told.index = static_cast<int32_t>(how);
  if (send_struct(plan.exec_report, told) != 0) ::_exit(1);
  if (how != model::WarmStart::warm) return exec_program(plan);
  // exec would have done both.
  ::close(plan.exec_report);
  ::prctl(PR_SET_DUMPABLE, 1);
  restore_signals();
  run(plan, source);
}

}  // namespace kiln::sandbox::warm
