#include "cli/ledger.h"

#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>

namespace kiln::cli {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& line, const char* field) {
  const auto found = line.find(field);
  return found != line.end() && found->is_string() ? found->get<std::string>() : "";
}

// What is wrong with an end; "" if nothing is.
std::string add_end(model::Ledger& ledger, const TaskId& id, const Json& line) {
  const auto state = model::parse_task_state(text_of(line, "state"));
  if (!state || !model::is_terminal(*state)) return "its state is none in which a task has ended";
  model::SeenEnd end{*state, std::nullopt};
  if (line.contains("verdict")) {
    end.verdict = model::parse_verdict(text_of(line, "verdict"));
    if (!end.verdict) return "there is no such verdict";
  }
  ledger.ended(id, end);
  return "";
}

// The same for a line.
std::string add_line(model::Ledger& ledger, const std::string& text) {
  const Json line = Json::parse(text, nullptr, false);
  if (!line.is_object()) return "it is no JSON object";
  const auto id = parse_id<TaskId>(text_of(line, "id"));
  if (!id) return "its id is no task's id";
  const std::string event = text_of(line, "event");
  if (event == "ended") return add_end(ledger, *id, line);
  if (event != "acknowledged") return "its event is neither acknowledged nor ended";
  ledger.acknowledged(*id);
  return "";
}

}  // namespace

Result<model::Ledger> read_ledger(const std::string& path) {
  std::ifstream file(path);
  if (!file) return errno_error(ErrorCode::io_error, "open the ledger " + path, errno);
  model::Ledger ledger;
  std::string text;
  for (uint64_t number = 1; std::getline(file, text); ++number) {
    if (text.empty()) continue;
    const std::string wrong = add_line(ledger, text);
    if (wrong.empty()) continue;
    return field_error("ledger", "line " + std::to_string(number) + " of " + path + ": " + wrong,
                       "docs/verify.md has the format");
  }
  if (file.bad()) return errno_error(ErrorCode::io_error, "read the ledger " + path, errno);
  return ledger;
}

}  // namespace kiln::cli
