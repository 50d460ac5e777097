#include "cli/json.h"

#include <map>
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
Json value(const Sha256& digest) { return to_hex(digest); }
template <class T>
Json value(const std::map<std::string, T>& items) {
  Json json = Json::object();
  for (const auto& [name, item] : items) json[name] = value(item);
  return json;
}
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
void add_fields(Json& json, const M& message);
template <class M, class T>
void add_field(Json& json, const M& message, const net::Field<M, T>& field) {
  put(json, field.name, message.*field.member);
}
template <class M, class T>
void add_field(Json& json, const M& message, const net::Flat<M, T>& field) {
  add_fields(json, message.*field.member);
}
template <class M>
void add_fields(Json& json, const M& message) {
  std::apply([&](const auto&... field) { (add_field(json, message, field), ...); },
             net::Message<M>::fields);
}

template <class M>
Json object(const M& message) {
  Json json = Json::object();
  add_fields(json, message);
  return json;
}

}  // namespace

std::string result_json(const net::TaskInfo& task, const std::optional<model::TaskResult>& result) {
  Json json = result ? object(*result) : Json::object();
  json["task"] = object(task);
  return json.dump();
}

std::string task_json(const net::TaskInfo& task) { return object(task).dump(); }

std::string audit_json(const model::AuditReport& report) {
  Json json{{"tasks", report.tasks}, {"events", report.events}, {"ledger", report.ledger}};
  for (size_t i = 0; i < model::kFindingKindCount; ++i) {
    put(json, to_string(static_cast<model::FindingKind>(i)), report.counts.at(i));
  }
  json["findings"] = Json::array();
  for (const model::Finding& finding : report.findings) {
    Json item{{"kind", std::string(to_string(finding.kind))}};
    put(item, "id", finding.id);
    put(item, "text", finding.text);
    json["findings"].push_back(std::move(item));
  }
  return json.dump();
}

std::string doctor_json(const std::vector<Check>& checks, bool fit) {
  Json json{{"fit", fit}, {"checks", Json::array()}};
  for (const Check& check : checks) {
    json["checks"].push_back({{"name", check.name},
                              {"group", check.group},
                              {"state", value(check.state)},
                              {"finding", check.finding},
                              {"why", check.why},
                              {"mend", check.mend},
                              {"required", check.required}});
  }
  return json.dump();
}

std::string config_json(const std::vector<EffectiveOption>& values) {
  Json json = Json::object();
  json["options"] = Json::array();
  for (const EffectiveOption& one : values) {
    json["options"].push_back({{"option", one.key}, {"value", one.value}, {"from", one.origin}});
  }
  return json.dump();
}

std::string words_json(std::initializer_list<std::pair<const char*, std::string>> words) {
  Json json = Json::object();
  for (const auto& [name, word] : words) json[name] = value(word);
  return json.dump();
}

std::string status_json(const net::TaskInfo& task, const std::vector<net::EventInfo>& history) {
  Json json = object(task);
  json["history"] = value(history);
  return json.dump();
}

std::string answer_json(const net::Ok& answer) {
  Json json = object(answer);
  json.erase("rid");
  return json.dump();
}

std::string event_json(const net::Event& event) { return object(event).dump(); }

}  // namespace kiln::cli
