#include "config/option_pages.h"

#include "config/options.h"

namespace kiln::config {
namespace {

constexpr const char* kYamlHead =
    "# The configuration of Kiln: every option, with the default that is built in. Copy what you\n"
    "# change to ./kiln.yaml or /etc/kiln/kiln.yaml, or name a file with --config or KILN_CONFIG.\n"
    "# A flag counts before a variable, a variable before the file. 'kiln broker --check-config'\n"
    "# shows what holds, and where it comes from. Made from the list in src/config/options.cc.\n";

constexpr const char* kPageHead =
    R"(# Configuration

Everything runs without a configuration file. What is set comes from, in this order:

1. a flag on the command line;
2. a variable of the environment;
3. one file: the one that `--config` or `KILN_CONFIG` names, else `./kiln.yaml`, else `/etc/kiln/kiln.yaml`;
4. the defaults below, which are also in [config/kiln.yaml](../config/kiln.yaml), with a comment each.

```yaml
broker:
  data: /srv/kiln
  cache_time: 7200
worker:
  slots: 4
  queues: [default, batch]
log:
  level: warning
```

`kiln broker --check-config` (also `worker` and `serve`) starts nothing: it reads the file and what it names, and prints what
holds and where it comes from (`--json` for programs), or all that is wrong, a line each, with the place in the file.
The exit code is then 2. One file may hold the options of brokers, workers and clients: each command takes its own.

A file that somebody else than its owner or root may change is not read: it can name a command that is run. A file is at most
1 MB of YAML; tabs in an indentation, a key twice, and unknown keys are errors.

This page is made from the list in `src/config/options.cc`, as is the file.
)";

std::string type_words(const Option& option) {
  switch (option.type) {
    case OptionType::text:
      return "text";
    case OptionType::number:
      return std::to_string(option.min) + " to " + std::to_string(option.max);
    case OptionType::flag:
      return "true or false";
    case OptionType::list:
      return "list of texts";
    case OptionType::seconds:
      return "seconds";
    case OptionType::megabytes:
      return "MB (2^20 bytes)";
    case OptionType::word: {
      std::string words;
      for (const std::string_view one : option.words) {
        words += (words.empty() ? "" : ", ") + std::string(one);
      }
      return words;
    }
  }
  return "";
}

std::string section_of(const Option& option) {
  return std::string(option.key.substr(0, option.key.find('.')));
}
std::string name_of(const Option& option) {
  return std::string(option.key.substr(option.key.find('.') + 1));
}

std::string yaml_value(const Option& option) {
  if (option.type == OptionType::list) return "[]";
  return std::string(option.default_value);
}

std::string default_words(const Option& option) {
  if (!option.default_is.empty()) return std::string(option.default_is);
  return "`" + std::string(option.default_value) + "`";
}

std::string section_words(const std::string& section) {
  if (section == "client") {
    return "Of every command that speaks to a broker; `kiln run` and `kiln bench` start one of "
           "their "
           "own unless one is named.";
  }
  if (section == "broker") return "Of `kiln broker` and `kiln serve`.";
  if (section == "worker") {
    return "Of `kiln worker`; `kiln serve` takes `name`, `slots` and `first_uid`.";
  }
  return "Of `kiln broker`, `kiln worker` and `kiln serve`.";
}

}  // namespace

std::string options_yaml() {
  std::string out = kYamlHead;
  std::string section;
  for (const Option& option : options()) {
    if (section_of(option) != section) {
      section = section_of(option);
      out += "\n" + section + ":\n";
    }
    out += "  # " + std::string(option.what) + ": " + type_words(option) + ".\n";
    const bool has_default = !option.default_value.empty();
    if (!has_default) out += "  # Default: " + std::string(option.default_is) + ".\n";
    out += has_default ? "  " : "  # ";
    out += name_of(option) + ":" + (yaml_value(option).empty() ? "" : " " + yaml_value(option));
    out += "\n";
  }
  return out;
}

std::string options_page() {
  std::string out = kPageHead;
  std::string section;
  for (const Option& option : options()) {
    if (section_of(option) != section) {
      section = section_of(option);
      out += "\n## " + section + "\n\n" + section_words(section) + "\n\n";
      out += "| Key | Flag | Variable | Value | Default | |\n|---|---|---|---|---|---|\n";
    }
    out += "| `" + std::string(option.key) + "` | `" + std::string(option.flag) + "` | `" +
           std::string(option.variable) + "` | " + type_words(option) + " | " +
           default_words(option) + " | " + std::string(option.what) + " |\n";
  }
  return out;
}

}  // namespace kiln::config
