#include "tests/warm/program.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "model/environment.h"

namespace kiln::sandbox {
namespace {

namespace fs = std::filesystem;

// \n, \t, \\, \0 and \xHH.
std::string unescaped(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
    } else if (text[++i] == 'x') {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      const char c = text[i];
      out += c == 'n' ? '\n' : c == 't' ? '\t' : c;
    }
  }
  return out;
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream stream(text);
  for (std::string word; stream >> std::quoted(word);) out.push_back(word);
  return out;
}

std::pair<std::string, std::string> parted(const std::string& text, const std::string& at) {
  const size_t place = text.find(at);
  return {text.substr(0, place), text.substr(place + at.size())};
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
}

void set_variable(CorpusProgram& program, const std::string& text) {
  const auto [name, value] = parted(text, "=");
  const auto known = std::ranges::find(program.env, name, &model::EnvVar::name);
  if (known != program.env.end()) {
    known->value = value;
  } else {
    program.env.push_back({name, value});
  }
}

void apply(CorpusProgram& program, const std::string& key, const std::string& value) {
  if (key == "args") program.args = words_of(value);
  if (key == "stdin") program.stdin_bytes = unescaped(value);
  if (key == "start") program.start = value;
  if (key == "only") program.cells_only = value == "cells";
  if (key == "bytes") program.source = unescaped(value) + "\n";
  if (key == "bom") program.source.insert(0, "\xef\xbb\xbf");
  if (key == "ending" && value == "crlf") replace_all(program.source, "\n", "\r\n");
  if (key == "ending" && value == "none") program.source.pop_back();
  if (key == "env") set_variable(program, value);
  if (key == "file") {
    const auto [name, text] = parted(value, ": ");
    program.files.push_back({name, unescaped(text)});
  }
}

CorpusProgram load(const fs::path& path) {
  CorpusProgram program;
  program.name = path.stem().string();
  program.env = model::base_environment();
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  program.source = text.str();
  std::istringstream lines(text.str());
  for (std::string line; std::getline(lines, line) && line.starts_with("# ");) {
    const auto [key, value] = parted(line.substr(2), line.ends_with("bom") ? "m" : ": ");
    apply(program, line.ends_with("# bom") ? "bom" : key, value);
  }
  return program;
}

}  // namespace

std::vector<CorpusProgram> load_corpus(const std::string& directory) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(directory)) paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<CorpusProgram> out;
  for (const fs::path& path : paths) out.push_back(load(path));
  return out;
}

void PrintTo(const CorpusProgram& program, std::ostream* stream) { *stream << program.name; }

void PrintTo(const Outcome& outcome, std::ostream* stream) {
  *stream << "status " << outcome.status << "\n--- out\n"
          << outcome.out << "\n--- err\n"
          << outcome.err << "\n---";
}

}  // namespace kiln::sandbox
