// A program of the corpus: its text, and how it is run. Comments at its top say what is not usual:
//
//   # args: one "two three"    # env: NAME=value        # stdin: text with \n and \xff
//   # file: name: text         # bytes: the whole source instead of this file's
//   # ending: crlf | none      # bom
//   # start: environment       how it must be started when asked for warm
//   # only: cells              it is not compared with one outside a cell
#pragma once

#include <string>
#include <vector>

#include "model/task.h"

namespace kiln::sandbox {

struct CorpusProgram {
  std::string name;
  std::string source;
  std::vector<std::string> args;
  std::vector<model::EnvVar> env;
  std::vector<model::InputFile> files;
  std::string stdin_bytes;
  std::string start = "warm";
  bool cells_only = false;
};
std::vector<CorpusProgram> load_corpus(const std::string& directory);

// What a program came to.
struct Outcome {
  int status = 0;  // exit code, or minus the signal
  std::string out, err;
  bool operator==(const Outcome&) const = default;
};
void PrintTo(const CorpusProgram& program, std::ostream* stream);
void PrintTo(const Outcome& outcome, std::ostream* stream);

// Without a cell: a fresh root with the host's /usr, /proc and the same /box; as an ordinary user.
Outcome run_bare(const CorpusProgram& program);

}  // namespace kiln::sandbox
