// The languages: one entry each in config/languages.yaml, which is also built into the binary.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/limits.h"
#include "model/syscall_profile.h"

namespace kiln::config {

// An interpreter that has imported modules already, from which the language's programs are forked.
struct WarmImage {
  std::string name;                  // "python"
  std::vector<std::string> imports;  // "json"; those of the images before it are, too
  // It is for programs whose text has one of these words; empty: for all others.
  std::vector<std::string> when;
  uint32_t number = 0;  // from 1 on, over all languages
};

struct Language {
  std::string name;                     // "python"
  std::vector<std::string> extensions;  // "py"
  std::string source;                   // file name in /box: "main.py"
  std::vector<std::string> detect;      // run in a cell; its first line of output holds the version
  // argv of the compile step; "{source}" stands for the source's path, "{output}" for where the
  // program goes. Empty: nothing is compiled.
  std::vector<std::string> compile;
  // argv; "{source}" stands for the source's path, "{program}" for the compiled one's; the task's
  // arguments follow.
  std::vector<std::string> run;
  std::vector<std::pair<std::string, std::string>> env;  // added to every cell's environment
  model::SyscallProfile syscalls = model::SyscallProfile::base;  // of all cells of the language
  model::LimitsRequest limits;  // where a task says nothing and the usual defaults do not do
  model::LimitsRequest compile_limits;  // of the compile step, whatever the task says
  std::vector<WarmImage> warm;
  std::string install_hint;  // "apt-get install python3"
};

// The number of the image that a program with this text is for, 0: none.
uint32_t image_for(const Language& language, std::string_view code);

class Languages {
 public:
  const Language* find(std::string_view name) const;
  const Language* find_by_extension(std::string_view extension) const;
  std::string names() const;  // "bash python", for messages; without noop
  const std::vector<Language>& all() const { return languages_; }

 private:
  friend Result<Languages> parse_languages(std::string_view yaml, std::string_view origin);
  friend Languages only(const Language& language);
  friend Languages with_noop(Languages languages);
  std::vector<Language> languages_;
};

// `origin` is named in errors (a path). Errors: invalid_argument with line, key, and what is
// allowed.
Result<Languages> parse_languages(std::string_view yaml, std::string_view origin);
Result<Languages> load_languages(const std::string& path);
// config/languages.yaml as it was when this binary was built.
Languages default_languages();
// That one and no other.
Languages only(const Language& language);

// What a worker without cells offers: each program of it ends well at once, unread, so that a
// broker can be measured by itself. A real worker never offers it.
inline constexpr std::string_view kNoop = "noop";
Language noop_language();
// Those, and noop.
Languages with_noop(Languages languages);

}  // namespace kiln::config
