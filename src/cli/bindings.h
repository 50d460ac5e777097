// The options of config/options.h on the command line: what no flag says is taken from a variable,
// then from the configuration file, then from the defaults. Used by arguments_*.cc alone.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.h"
#include "config/options.h"
#include "config/settings.h"

namespace kiln::cli {

class Bindings {
 public:
  // Adds the flag of this option. Precondition: there is one with this key.
  template <class T>
  void add(CLI::App& command, std::string_view key, T& into) {
    const config::Option& option = config::option_of(key);
    bind(command, option, command.add_option(std::string(option.flag), into, describe(option)));
  }
  void add_flag(CLI::App& command, std::string_view key, bool& into);

  // Where the broker is, and the keys it asks for, of a command that speaks to one; `what` says
  // what naming a broker means for it.
  void add_broker(CLI::App& command, BrokerAccess& broker, const std::string& what);
  void add_client(CLI::App& command, BrokerAccess& broker);

  // --config. `values`: where the command wants to know what holds; may be null.
  void add_config(CLI::App& command, std::vector<EffectiveOption>* values);

  // After the command line was parsed. All that is wrong with variables and file.
  std::vector<Error> fill_in();

 private:
  struct Bound {
    const CLI::App* command;
    const config::Option* option;
    CLI::Option* flag;
  };
  struct Config {
    std::shared_ptr<std::string> path;
    std::vector<EffectiveOption>* values;
  };
  static std::string describe(const config::Option& option);
  void bind(CLI::App& command, const config::Option& option, CLI::Option* flag);
  std::string config_path() const;
  void fill(const Bound& bound, const config::Settings& settings, std::vector<Error>& errors);
  void note(const Bound& bound, const std::string& origin);

  std::vector<Bound> bound_;
  std::map<const CLI::App*, Config> configs_;
};

}  // namespace kiln::cli
