// A warm program, from the fork to its end: it enters its cell by the same steps as a cold one
// (cell_program.h), and where that one would exec it makes this interpreter what a new one would
// be.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <csignal>
#include <set>
#include <string>
#include <string_view>

#include "sandbox/cell_child.h"

namespace kiln::sandbox::warm {

// What a parent knows before it forks.
struct Interpreter {
  // Functions of boot.py, and builtins.compile.
  PyObject *reseed = nullptr, *rehearse = nullptr, *enter = nullptr, *leave = nullptr,
           *flush = nullptr;
  PyObject* compile = nullptr;
  std::set<std::string, std::less<>> modules;  // imported ones, of the top level
  std::string main_file;                       // "/box/main.py"
  std::string path;                            // of the interpreter
  // Of the signals that an interpreter handles from its start; the steps reset them.
  struct sigaction interrupt {};
  struct sigaction broken_pipe {};
  struct sigaction file_too_large {};
};

// CellPlan::prepare of a warm program: what can be done before it is known.
void prepare_warm();
// CellPlan::start of a warm program. Does not return but an errno of exec, of a program that this
// interpreter cannot run as a new one would: that is started cold, in the same cell.
int start_warm(CellPlan& plan);
// Which one start_warm() takes; the only one of this process.
void set_interpreter(Interpreter* interpreter);

}  // namespace kiln::sandbox::warm
