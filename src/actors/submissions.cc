#include "actors/submissions.h"

#include <algorithm>

#include "actors/cell_request.h"
#include "net/codec.h"

namespace kiln::actors {
namespace {

// A worker gets it in one message, with the lease and names around it.
constexpr size_t kMaxProgramBytes = net::kMaxMessageBytes - 4'096;

Error under(const std::string& parent, Error error) {
  error.field = error.field.empty() ? parent : parent + "." + error.field;
  return error;
}

// "task" is one, "tasks" is a list.
std::string name_of(const std::string& field, size_t index) {
  return field == "task" ? field : field + "[" + std::to_string(index) + "]";
}

Error too_large_together() {
  return {ErrorCode::too_large,
          "program, input and files are larger than " + std::to_string(kMaxProgramBytes) +
              " bytes together",
          "", "", "send large files as blobs, or split the task"};
}

// What the client leaves open is the queue's to say; the row has the defaults until then.
void set_retries(const model::TaskSpec& spec, core::Submission& submission) {
  model::TaskRow& row = submission.row;
  row.max_retries = static_cast<uint32_t>(spec.max_retries.value_or(model::kDefaultMaxRetries));
  row.retry_on = spec.retry_on ? model::bits_of(*spec.retry_on) : model::kDefaultRetryOn;
  row.retry_delay_ms = spec.retry_delay_ms.value_or(model::kDefaultRetryDelayMs);
  row.full_jitter = spec.full_jitter.value_or(false);
  submission.open = {!spec.max_retries, !spec.retry_on, !spec.retry_delay_ms, !spec.full_jitter};
}

std::optional<WallTime> later(const std::optional<WallTime>& at,
                              const std::optional<uint64_t>& in_ms, WallTime now) {
  return in_ms ? now + std::chrono::milliseconds(*in_ms) : at;
}

// Names in /box that are not the task's to use.
Status check_names(const config::Language& language, const std::vector<model::InputFile>& files) {
  const auto lies_at = [&files](const std::string& name) {
    return std::ranges::any_of(files, [&name](const model::InputFile& file) {
      return file.path == name || file.path.starts_with(name + "/");
    });
  };
  for (const std::string& own : {language.source, std::string(kCompiledName)}) {
    if (own == kCompiledName && language.compile.empty()) continue;
    if (lies_at(own)) {
      return field_error("files", "'" + own + "' is the name of the program's own file",
                         "give the input file another name");
    }
  }
  return {};
}

}  // namespace

Status Submissions::check(const model::TaskSpec& spec) const {
  const config::Language* language = languages_.find(spec.program.language);
  if (!language) {
    return Error{ErrorCode::unknown_language,
                 "there is no language '" + spec.program.language + "'", "language", "",
                 "use one of: " + languages_.names()};
  }
  if (Status status = check_names(*language, spec.program.files); !status) return status;
  return model::validate(spec);
}

Result<std::vector<core::Submission>> Submissions::make(std::vector<model::TaskSpec> specs,
                                                        const std::string& tenant,
                                                        const std::string& field, WallTime now) {
  if (specs.empty()) return field_error(field, "there is no task in it", "send at least one");
  std::vector<core::Submission> made;
  made.reserve(specs.size());
  for (size_t i = 0; i < specs.size(); ++i) {
    specs[i].tenant = tenant;
    if (Status status = check(specs[i]); !status.ok()) {
      return under(name_of(field, i), status.error());
    }
    made.push_back(make_one(std::move(specs[i]), now));
    if (made.back().program->size() > kMaxProgramBytes) {
      return under(name_of(field, i), too_large_together());
    }
  }
  return made;
}

core::Submission Submissions::make_one(model::TaskSpec spec, WallTime now) {
  core::Submission submission;
  submission.chosen_id = spec.id.has_value();
  model::TaskRow& row = submission.row;
  row.id = spec.id ? *spec.id : make_id<TaskId>(now, random_);
  row.tenant = spec.tenant;
  row.queue = spec.queue;
  row.priority = spec.priority;
  row.language = spec.program.language;
  set_retries(spec, submission);
  row.wait = spec.wait;
  row.cache = spec.cache;
  row.submitted_at = now;
  row.due_at = later(spec.eta, spec.countdown_ms, now);
  row.expires_at = later(spec.expires, spec.expires_in_ms, now);
  row.code_hash = model::code_hash(spec.program);
  const auto version = versions_.find(spec.program.language);
  row.cache_key = model::cache_key(spec, version == versions_.end() ? "" : version->second);
  row.body_hash = model::body_hash(spec);
  submission.program = std::make_shared<std::string>(net::encode_program(spec.program));
  submission.blobs = model::blobs_of(spec.program);
  return submission;
}

void Submissions::learn(const std::vector<model::LanguageVersion>& versions) {
  for (const model::LanguageVersion& version : versions) {
    if (languages_.find(version.name)) versions_[version.name] = version.version;
  }
}

}  // namespace kiln::actors
