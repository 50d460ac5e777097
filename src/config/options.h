// The one list of what can be set in a configuration file, by a variable or by a flag. From it come
// the flags and their help (cli), config/kiln.yaml and docs/configuration.md (option_pages.h), and
// the checks of a file (settings.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace kiln::config {

// Which commands have the option. `client`: every command that speaks to a broker.
enum OptionScope : uint8_t { kBroker = 1, kWorker = 2, kServe = 4, kClient = 8 };

enum class OptionType : uint8_t { text, number, flag, list, word, seconds, megabytes };

struct Option {
  std::string_view key;       // in a file: "broker.clients"
  std::string_view flag;      // "--clients"
  std::string_view variable;  // "KILN_BROKER_CLIENTS"
  uint8_t scopes = 0;         // of OptionScope
  OptionType type = OptionType::text;
  std::string_view value_name;     // of its value, in help: "ENDPOINT"; "": the type's word
  std::string_view default_value;  // as text; "": none, or as `default_is` says
  std::string_view default_is;     // for people, where it depends on the machine
  std::string_view what;           // one sentence, without its full stop
  int64_t min = 0;                 // numbers
  int64_t max = 0;
  std::span<const std::string_view> words = {};  // type word
};

std::span<const Option> options();
// Precondition: there is one with this key.
const Option& option_of(std::string_view key);
// Null: there is none.
const Option* find_option(std::string_view key);

// Whether `value` can be one (of a list: one item). Errors: invalid_argument, without a field.
Status check_value(const Option& option, std::string_view value);

}  // namespace kiln::config
