#include "config/settings.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/fd.h"
#include "config/nearest.h"
#include "config/options.h"
#include "config/yaml.h"

namespace kiln::config {
namespace {

std::string section_of(std::string_view key) { return std::string(key.substr(0, key.find('.'))); }

// The sections, in the order of the options.
std::vector<std::string> sections() {
  std::vector<std::string> names;
  for (const Option& option : options()) {
    const std::string name = section_of(option.key);
    if (names.empty() || names.back() != name) names.push_back(name);
  }
  return names;
}

std::vector<std::string_view> keys_in(const std::string& section) {
  std::vector<std::string_view> keys;
  for (const Option& option : options()) {
    if (section_of(option.key) == section) keys.push_back(option.key.substr(section.size() + 1));
  }
  return keys;
}

class Reader {
 public:
  Reader(const YamlText& yaml, std::string origin, Errors& errors)
      : yaml_(yaml), origin_(std::move(origin)), errors_(errors) {}

  Settings read() {
    Settings settings;
    const YAML::Node& root = yaml_.root();
    if (root.IsNull()) return settings;  // nothing is set
    const std::vector<std::string> known = sections();
    const std::vector<std::string_view> names(known.begin(), known.end());
    if (!root.IsMap()) {
      wrong(root, "", "the file must be a map of sections", allowed_hint("", names));
      return settings;
    }
    for (const auto& entry : root) {
      const std::string& name = entry.first.Scalar();
      if (std::ranges::find(known, name) == known.end()) {
        wrong(entry.first, name, "unknown section \"" + name + "\"", section_hint(name, names));
      } else {
        read_section(name, entry.second, settings);
      }
    }
    return settings;
  }

 private:
  void wrong(const YAML::Node& node, const std::string& field, const std::string& what,
             const std::string& hint = "") {
    errors_.push_back(yaml_.error_at(node, field, what, hint));
  }

  // A key that stands outside its section is an easy mistake.
  static std::string section_hint(const std::string& name,
                                  const std::vector<std::string_view>& names) {
    for (const Option& option : options()) {
      if (option.key.ends_with("." + name)) {
        return "It belongs into the section \"" + section_of(option.key) + "\"";
      }
    }
    return allowed_hint(name, names);
  }

  void read_section(const std::string& section, const YAML::Node& node, Settings& settings) {
    if (node.IsNull()) return;  // all of it is commented out
    const std::vector<std::string_view> keys = keys_in(section);
    if (!node.IsMap()) {
      return wrong(node, section, "\"" + section + "\" must be a map of keys and values",
                   allowed_hint("", keys));
    }
    for (const auto& entry : node) {
      const std::string key = section + "." + entry.first.Scalar();
      const Option* option = find_option(key);
      if (option == nullptr) {
        wrong(entry.first, key, "unknown key \"" + key + "\"",
              allowed_hint(entry.first.Scalar(), keys));
      } else {
        read_value(*option, entry.second, settings);
      }
    }
  }

  void read_value(const Option& option, const YAML::Node& node, Settings& settings) {
    if (node.IsNull()) return;
    const std::string key(option.key);
    Setting setting;
    setting.place = origin_ + ":" + std::to_string(node.Mark().line + 1);
    const bool is_list = option.type == OptionType::list;
    if (is_list ? !node.IsSequence() : !node.IsScalar()) {
      return wrong(node, key,
                   "\"" + key + "\" must be " + (is_list ? "a list: [a, b]" : "one value"));
    }
    if (!is_list) return take(option, node, setting, settings);
    for (const YAML::Node& item : node) {
      if (!item.IsScalar()) return wrong(item, key, "\"" + key + "\" must be a list of texts");
      if (!check(option, item)) return;
      setting.values.push_back(item.Scalar());
    }
    settings.by_key[key] = std::move(setting);
  }

  void take(const Option& option, const YAML::Node& node, Setting& setting, Settings& settings) {
    if (!check(option, node)) return;
    setting.values = {node.Scalar()};
    settings.by_key[std::string(option.key)] = std::move(setting);
  }

  bool check(const Option& option, const YAML::Node& node) {
    const Status valid = check_value(option, node.Scalar());
    if (!valid) {
      const std::string key(option.key);
      wrong(node, key, "\"" + key + "\" " + valid.error().message, valid.error().hint);
    }
    return valid.ok();
  }

  const YamlText& yaml_;
  std::string origin_;
  Errors& errors_;
};

Error not_usable(const std::string& path, const std::string& why, const std::string& hint) {
  return Error{ErrorCode::invalid_argument, "the configuration file " + path + " " + why, "", "",
               hint};
}

// Errors: what makes it unfit.
Status check_file(const std::string& path, int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) {
    return errno_error(ErrorCode::io_error, "read the configuration file " + path, errno);
  }
  if (!S_ISREG(status.st_mode)) return not_usable(path, "is no regular file", "Name a file");
  const bool ours = status.st_uid == ::geteuid() || status.st_uid == 0;
  if (!ours || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return not_usable(path, "could be changed by others",
                      "It can name commands that are run. Type: chown " +
                          std::to_string(::geteuid()) + " " + path + "; chmod go-w " + path);
  }
  return {};
}

Result<std::string> read_text(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    Error error =
        errno_error(ErrorCode::invalid_argument, "read the configuration file " + path, errno);
    error.hint = "Name another with --config";
    return error;
  }
  if (Status s = check_file(path, fd.get()); !s) return std::move(s).error();
  std::string text(kMaxConfigBytes + 1, '\0');
  size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error(ErrorCode::io_error, "read " + path, errno);
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  text.resize(have);
  return text;
}

}  // namespace

Settings parse_settings(std::string_view text, const std::string& origin, Errors& errors) {
  const auto yaml = YamlText::parse(text, origin);
  if (!yaml) {
    errors.push_back(yaml.error());
    return {};
  }
  Settings settings = Reader(*yaml, origin, errors).read();
  settings.path = origin;
  return settings;
}

Settings read_settings(const std::string& path, Errors& errors) {
  const auto text = read_text(path);
  if (text) return parse_settings(*text, path, errors);
  errors.push_back(text.error());
  return {};
}

std::string find_settings(const std::string& named) {
  if (!named.empty()) return named;
  for (const char* path : {kLocalConfig, kSystemConfig}) {
    if (::access(path, F_OK) == 0) return path;
  }
  return "";
}

}  // namespace kiln::config
