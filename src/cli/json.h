// Answers as JSON, with the protocol's field names. Bytes that are not UTF-8 stand as
// {"base64": "..."}; a field without a value is left out; times are microseconds since the epoch.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/arguments.h"
#include "cli/doctor_checks.h"
#include "model/audit.h"
#include "model/result.h"
#include "net/protocol.h"

namespace kiln::cli {

// The result's fields, and the task's under "task"; without a result only that.
std::string result_json(const net::TaskInfo& task, const std::optional<model::TaskResult>& result);
std::string task_json(const net::TaskInfo& task);
// The task's fields, and its history's lines under "history".
std::string status_json(const net::TaskInfo& task, const std::vector<net::EventInfo>& history);
// The answer's own fields, without the number of its request.
std::string answer_json(const net::Ok& answer);
std::string event_json(const net::Event& event);
std::string audit_json(const model::AuditReport& report);
// An object of texts, in this order.
// {"fit": ..., "checks": [{"name": ..., "group": ..., "state": ..., "finding": ..., "why": ...,
// "mend": ..., "required": ...}]}
std::string doctor_json(const std::vector<Check>& checks, bool fit);
// {"options": [{"option": ..., "value": ..., "from": ...}]}
std::string config_json(const std::vector<EffectiveOption>& values);
std::string words_json(std::initializer_list<std::pair<const char*, std::string>> words);

}  // namespace kiln::cli
