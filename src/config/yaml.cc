#include "config/yaml.h"

#include <algorithm>
#include <set>

#include "config/nearest.h"

namespace kiln::config {
namespace {

constexpr size_t kMaxDepth = 16;
constexpr size_t kMaxNodes = 100'000;

Error invalid(std::string message, std::string field = "", std::string hint = "") {
  return Error{ErrorCode::invalid_argument, std::move(message), std::move(field), "",
               std::move(hint)};
}

// The line (from 1) whose indentation has a tab, or 0. The parser's own message for it speaks of
// something else.
size_t line_with_tab(std::string_view text) {
  size_t line = 1;
  bool indenting = true;
  for (const char c : text) {
    if (c == '\n') {
      ++line;
      indenting = true;
    } else if (indenting && c == '\t') {
      return line;
    } else if (c != ' ') {
      indenting = false;
    }
  }
  return 0;
}

std::string joined(std::string_view field, std::string_view key) {
  return field.empty() ? std::string(key) : std::string(field) + "." + std::string(key);
}

}  // namespace

std::string YamlText::place(const YAML::Mark& mark) const {
  if (mark.is_null()) return origin_ + ": ";
  return origin_ + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1) +
         ": ";
}

Result<YamlText> YamlText::parse(std::string_view text, std::string_view origin) {
  YamlText yaml;
  yaml.origin_ = origin;
  if (text.size() > kMaxConfigBytes) {
    return Error{ErrorCode::too_large, yaml.origin_ + ": larger than 1 MB", "", "",
                 "Is it the right file?"};
  }
  if (const size_t line = line_with_tab(text); line > 0) {
    return invalid(yaml.origin_ + ":" + std::to_string(line) + ":1: a tab in the indentation", "",
                   "YAML is indented by spaces: replace the tab");
  }
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    if (documents.size() > 1) {
      return yaml.error_at(documents[1], "", "two documents in one file", "Keep one of them");
    }
    if (!documents.empty()) yaml.root_ = documents[0];
  } catch (const YAML::Exception& e) {
    return invalid(yaml.place(e.mark) + e.msg, "", "Correct the file there");
  }
  size_t nodes = 0;
  if (Status s = yaml.check_no_key_twice(yaml.root_, 0, nodes); !s) return std::move(s).error();
  return yaml;
}

Status YamlText::check_no_key_twice(const YAML::Node& node, size_t depth, size_t& nodes) const {
  // An alias stands for all of what it names, each time.
  if (++nodes > kMaxNodes) return error_at(node, "", "more than 100000 values, aliases counted");
  if (depth > kMaxDepth) return error_at(node, "", "nested deeper than 16 levels");
  if (node.IsSequence()) {
    for (const YAML::Node& item : node) {
      if (Status status = check_no_key_twice(item, depth + 1, nodes); !status) return status;
    }
    return {};
  }
  if (!node.IsMap()) return {};
  std::set<std::string> seen;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) return error_at(entry.first, "", "a key that is not a word");
    if (!seen.insert(entry.first.Scalar()).second) {
      return error_at(entry.first, entry.first.Scalar(),
                      "\"" + entry.first.Scalar() + "\" stands here twice", "Keep one of them");
    }
    if (Status s = check_no_key_twice(entry.second, depth + 1, nodes); !s) return s;
  }
  return {};
}

Error YamlText::error_at(const YAML::Node& node, std::string_view field, const std::string& what,
                         const std::string& hint) const {
  return invalid(place(node.Mark()) + what, std::string(field), hint);
}

Status YamlText::check_map(const YAML::Node& node, std::string_view field,
                           std::span<const std::string_view> required,
                           std::span<const std::string_view> optional) const {
  std::vector<std::string_view> known(required.begin(), required.end());
  known.insert(known.end(), optional.begin(), optional.end());
  const std::string named = field.empty() ? "the file" : "\"" + std::string(field) + "\"";
  if (!node.IsMap()) {
    return error_at(node, field, named + " must be a map of keys and values",
                    allowed_hint("", known));
  }
  for (const auto& entry : node) {
    const std::string& key = entry.first.Scalar();
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      return error_at(entry.first, joined(field, key), "unknown key \"" + key + "\" in " + named,
                      allowed_hint(key, known));
    }
  }
  for (const std::string_view key : required) {
    if (!node[std::string(key)]) {
      return error_at(node, joined(field, key), named + " lacks \"" + std::string(key) + "\"",
                      "Add it");
    }
  }
  return {};
}

Result<std::string> YamlText::text_of(const YAML::Node& node, std::string_view field) const {
  if (!node.IsScalar() || node.Scalar().empty()) {
    return error_at(node, field, "\"" + std::string(field) + "\" must be a text");
  }
  return node.Scalar();
}

Result<std::vector<std::string>> YamlText::texts_of(const YAML::Node& node,
                                                    std::string_view field) const {
  if (!node.IsSequence() || node.size() == 0) {
    return error_at(node, field, "\"" + std::string(field) + "\" must be a list: [a, b]");
  }
  std::vector<std::string> texts;
  for (const YAML::Node& item : node) {
    Result<std::string> text = text_of(item, field);
    if (!text) return std::move(text).error();
    texts.push_back(std::move(*text));
  }
  return texts;
}

}  // namespace kiln::config
