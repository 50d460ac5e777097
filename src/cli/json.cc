#include "cli/json.h"

#include <nlohmann/json.hpp>

#include "base/time.h"
#include "cli/base64.h"
#include "model/task.h"
#include "net/protocol_fields.h"

namespace kiln::cli {
namespace {

// In the order of the field lists, not of the alphabet.
using Json = nlohmann::ordered_json;

template <class M>
Json object(const M& message);

// Ahead of what uses them: no lookup by arguments finds this namespace.
template <class T>
Json value(const std::vector<T>& items);
template <class M>
requires requires { net::Message<M>::fields; }
Json value(const M& message);

Json value(const std::string& bytes) {
  if (model::is_utf8(bytes)) return bytes;
  return Json{{"base64", base64(bytes)}};
}
Json value(bool v) { return v; }
template <class Number>
requires std::is_arithmetic_v<Number> Json value(Number v) { return v; }
template <class Word>
requires std::is_enum_v<Word> Json value(Word v) { return std::string(to_string(v)); }
template <class Tag>
Json value(const Uuid<Tag>& id) {
  return to_string(id);
}
Json value(WallTime t) { return to_micros(t); }
template <class T>
Json value(const std::vector<T>& items) {
  Json array = Json::array();
  for (const T& item : items) array.push_back(value(item));
  return array;
}
template <class M>
requires requires { net::Message<M>::fields; }
Json value(const M& message) { return object(message); }

template <class T>
void put(Json& json, std::string_view name, const T& v) {
  json[std::string(name)] = value(v);
}
template <class T>
void put(Json& json, std::string_view name, const std::optional<T>& v) {
  if (v) put(json, name, *v);
}

template <class M>
Json object(const M& message) {
  Json json = Json::object();
  std::apply([&](const auto&... field) { (put(json, field.name, message.*field.member), ...); },
             net::Message<M>::fields);
  return json;
}

}  // namespace

std::string result_json(const net::TaskInfo& task, const std::optional<model::TaskResult>& result) {
  Json json = result ? object(*result) : Json::object();
  json["task"] = object(task);
  return json.dump();
}

std::string task_json(const net::TaskInfo& task) { return object(task).dump(); }

std::string words_json(std::initializer_list<std::pair<const char*, std::string>> words) {
  Json json = Json::object();
  for (const auto& [name, word] : words) json[name] = value(word);
  return json.dump();
}

std::string workers_json(const std::vector<net::WorkerInfo>& workers) {
  return Json{{"workers", value(workers)}}.dump();
}

}  // namespace kiln::cli
