// YAML with strict rules, for every configuration file: one document, no tab in an indentation, no
// key twice, no unknown key. Every error is invalid_argument and begins with origin:line:column.
#pragma once

#include <yaml-cpp/yaml.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace kiln::config {

inline constexpr size_t kMaxConfigBytes = size_t{1} << 20U;

// A parsed text and the name it goes by in errors.
class YamlText {
 public:
  static Result<YamlText> parse(std::string_view text, std::string_view origin);

  const YAML::Node& root() const { return root_; }

  // An error at the place of `node`; `field` is the key's path ("languages.python.run").
  Error error_at(const YAML::Node& node, std::string_view field, const std::string& what,
                 const std::string& hint = "") const;

  // `node` is a map that has each required key and no key but these.
  Status check_map(const YAML::Node& node, std::string_view field,
                   std::span<const std::string_view> required,
                   std::span<const std::string_view> optional) const;
  Result<std::string> text_of(const YAML::Node& node, std::string_view field) const;
  // A list of texts; not empty.
  Result<std::vector<std::string>> texts_of(const YAML::Node& node, std::string_view field) const;

 private:
  Status check_no_key_twice(const YAML::Node& node, size_t depth, size_t& nodes) const;
  std::string place(const YAML::Mark& mark) const;

  YAML::Node root_;
  std::string origin_;
};

}  // namespace kiln::config
