#include "model/worker_messages.h"

#include "model/task.h"

namespace kiln::model {
namespace {

Status validate_names(std::string_view field, const std::vector<std::string>& names) {
  if (names.size() > kMaxHelloNames) {
    return field_error(field, std::string(field) + " has more than " +
                                  std::to_string(kMaxHelloNames) + " entries");
  }
  for (const std::string& name : names) {
    if (Status s = validate_name(field, name); !s) return s;
  }
  return {};
}

}  // namespace

Status validate(const Hello& hello) {
  if (Status s = validate_name("name", hello.name); !s) return s;
  if (hello.slots < 1 || hello.slots > kMaxSlots) {
    return field_error("slots", "slots must be 1 to " + std::to_string(kMaxSlots));
  }
  if (Status s = validate_names("tags", hello.tags); !s) return s;
  if (Status s = validate_names("queues", hello.queues); !s) return s;
  std::vector<std::string> languages;
  for (const LanguageVersion& language : hello.languages) {
    languages.push_back(language.name);
    if (language.version.size() > kMaxVersionLength) {
      return field_error(
          "languages", "a version is longer than " + std::to_string(kMaxVersionLength) + " bytes");
    }
  }
  return validate_names("languages", languages);
}

}  // namespace kiln::model
