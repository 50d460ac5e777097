#include "cli/bindings.h"

#include <cstdlib>
#include <sstream>

namespace kiln::cli {
namespace {

using config::OptionType;

constexpr const char* kConfigVariable = "KILN_CONFIG";
constexpr char kListSeparator = ',';

std::string type_name(const config::Option& option) {
  if (!option.value_name.empty()) return std::string(option.value_name);
  switch (option.type) {
    case OptionType::seconds:
      return "SECONDS";
    case OptionType::megabytes:
      return "MB";
    case OptionType::number:
      return "NUMBER";
    default:
      return "TEXT";
  }
}

// Also for what is typed: the same words for the same mistake, wherever it stands.
CLI::Validator checker(const config::Option& option) {
  return CLI::Validator(
      [&option](std::string& value) {
        const Status valid = config::check_value(option, value);
        return valid ? std::string() : std::string(option.flag) + " " + valid.error().text();
      },
      "");
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, kListSeparator);) parts.push_back(part);
  return parts;
}

void set(CLI::Option& flag, const std::vector<std::string>& values) {
  for (const std::string& value : values) flag.add_result(value);
  flag.run_callback();
}

// Null: not set; an empty variable is none.
const char* variable(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value == nullptr || *value == '\0' ? nullptr : value;
}

std::string joined(const std::vector<std::string>& values) {
  std::string out;
  for (const std::string& value : values) {
    out += (out.empty() ? "" : std::string(1, kListSeparator)) + value;
  }
  return out;
}

}  // namespace

std::string Bindings::describe(const config::Option& option) {
  std::string text(option.what);
  const std::string_view value =
      option.default_is.empty() ? option.default_value : option.default_is;
  const bool tells = option.type != OptionType::flag && value != "none";
  if (tells) text += " (default " + std::string(value) + ")";
  if (option.type == OptionType::list) text += "; repeat for more";
  return text + " [" + std::string(option.variable) + "]";
}

void Bindings::bind(CLI::App& command, const config::Option& option, CLI::Option* flag) {
  if (option.type != OptionType::flag) {
    flag->type_name(type_name(option));
    const bool named_elsewhere = option.type == OptionType::text || option.type == OptionType::list;
    if (!named_elsewhere) flag->check(checker(option));
  }
  if (option.type == OptionType::list) {
    flag->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
  bound_.push_back({&command, &option, flag});
}

void Bindings::add_flag(CLI::App& command, std::string_view key, bool& into) {
  const config::Option& option = config::option_of(key);
  bind(command, option, command.add_flag(std::string(option.flag), into, describe(option)));
}

void Bindings::add_broker(CLI::App& command, BrokerAccess& broker, const std::string& what) {
  add(command, "client.broker", broker.endpoint);
  bound_.back().flag->description(what + " [KILN_BROKER]");
  add(command, "client.key_file", broker.key);
  add(command, "client.broker_key", broker.broker_key);
  add_config(command, nullptr);
}

void Bindings::add_client(CLI::App& command, BrokerAccess& broker) {
  broker.endpoint = kDefaultBroker;
  add_broker(command, broker, "The broker (default " + broker.endpoint + ")");
}

void Bindings::add_config(CLI::App& command, std::vector<EffectiveOption>* values) {
  const auto path = std::make_shared<std::string>();
  command
      .add_option("--config", *path,
                  "The configuration file (default ./kiln.yaml, then /etc/kiln/kiln.yaml; see "
                  "docs/configuration.md) [KILN_CONFIG]")
      ->type_name("FILE");
  configs_[&command] = {path, values};
}

std::string Bindings::config_path() const {
  for (const auto& [command, config] : configs_) {
    if (command->parsed() && !config.path->empty()) return *config.path;
  }
  const char* named = variable(kConfigVariable);
  return config::find_settings(named == nullptr ? "" : named);
}

std::vector<Error> Bindings::fill_in() {
  std::vector<Error> errors;
  const bool reads = std::any_of(configs_.begin(), configs_.end(),
                                 [](const auto& one) { return one.first->parsed(); });
  config::Settings settings;
  const std::string path = reads ? config_path() : "";
  if (!path.empty()) settings = config::read_settings(path, errors);
  for (const Bound& bound : bound_) {
    if (bound.command->parsed()) fill(bound, settings, errors);
  }
  return errors;
}

void Bindings::fill(const Bound& bound, const config::Settings& settings,
                    std::vector<Error>& errors) {
  const config::Option& option = *bound.option;
  if (bound.flag->count() > 0) return note(bound, "flag " + std::string(option.flag));
  if (const char* value = variable(option.variable)) {
    const auto values =
        option.type == OptionType::list ? split(value) : std::vector<std::string>{value};
    for (const std::string& one : values) {
      if (Status valid = config::check_value(option, one); !valid) {
        Error error = std::move(valid).error();
        error.message = std::string(option.variable) + " " + error.message;
        return errors.push_back(std::move(error));
      }
    }
    set(*bound.flag, values);
    return note(bound, "variable " + std::string(option.variable));
  }
  const auto setting = settings.by_key.find(std::string(option.key));
  if (setting != settings.by_key.end()) {
    set(*bound.flag, setting->second.values);
    return note(bound, setting->second.place);
  }
  if (!option.default_value.empty()) set(*bound.flag, {std::string(option.default_value)});
  note(bound, "default");
}

void Bindings::note(const Bound& bound, const std::string& origin) {
  const auto config = configs_.find(bound.command);
  if (config == configs_.end() || config->second.values == nullptr) return;
  std::string value = joined(bound.flag->results());
  if (value.empty()) value = bound.option->default_is;
  config->second.values->push_back({std::string(bound.option->key), std::move(value), origin});
}

}  // namespace kiln::cli
