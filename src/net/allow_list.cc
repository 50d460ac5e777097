#include "net/allow_list.h"

#include <sys/stat.h>

#include <sstream>
#include <vector>

#include "model/task.h"
#include "net/small_file.h"

namespace kiln::net {
namespace {

constexpr const char* kLineForm = "Write each line as KEY ROLE TENANT NAME, # begins a comment";

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line.substr(0, line.find('#')));
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(std::move(word));
  return out;
}

Error bad_line(const std::string& why, std::string hint = kLineForm) {
  return {ErrorCode::invalid_argument, why, "allow", "", std::move(hint)};
}

Result<Identity> identity_of(const std::vector<std::string>& words) {
  if (words.size() != 4) {
    return bad_line("it has " + std::to_string(words.size()) + " words instead of 4");
  }
  const auto key = parse_key(words[0]);
  if (!key) return bad_line("its first word is no key", "A key is 64 hexadecimal digits");
  const auto role = parse_role(words[1]);
  if (!role) return bad_line("its second word is no role", "A role is client, worker or admin");
  for (const auto& [field, word] : {std::pair("tenant", words[2]), std::pair("name", words[3])}) {
    if (Status s = model::validate_name(field, word); !s) return std::move(s).error();
  }
  return Identity{*role, words[2], words[3], key_text(*key)};
}

Error at_line(Error error, const std::string& path, size_t number) {
  error.message = path + ", line " + std::to_string(number) + ": " + error.message;
  return error;
}

}  // namespace

Result<AllowList::Identities> AllowList::read(const std::string& path) {
  auto file = read_small_file(path, kMaxAllowListBytes);
  if (!file) return std::move(file).error();
  if ((file->mode & S_IWOTH) != 0) {
    return Error{ErrorCode::invalid_argument, "everyone may write to '" + path + "'", "allow", "",
                 "chmod o-w '" + path + "'"};
  }
  Identities out;
  std::istringstream lines(file->text);
  size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const auto words = words_of(line);
    if (words.empty()) continue;
    auto identity = identity_of(words);
    if (!identity) return at_line(std::move(identity).error(), path, number);
    if (out.size() == kMaxAllowedKeys) {
      return at_line(bad_line("there are more than " + std::to_string(kMaxAllowedKeys) + " keys"),
                     path, number);
    }
    std::string key = identity->key;
    auto entry = std::make_shared<const Identity>(std::move(identity).value());
    if (!out.emplace(std::move(key), std::move(entry)).second) {
      return at_line(bad_line("the key stands twice", "Take one of the lines out"), path, number);
    }
  }
  return out;
}

Result<std::shared_ptr<AllowList>> AllowList::load(const std::string& path) {
  std::shared_ptr<AllowList> list(new AllowList(path));
  if (Status s = list->reload(); !s) return std::move(s).error();
  return list;
}

Status AllowList::reload() {
  if (path_.empty()) return {};
  auto fresh = read(path_);
  if (!fresh) return std::move(fresh).error();
  const std::lock_guard lock(mutex_);
  listed_ = std::move(fresh).value();
  return {};
}

void AllowList::add(const Key& key, Role role, const std::string& tenant, const std::string& name) {
  auto identity = std::make_shared<const Identity>(Identity{role, tenant, name, key_text(key)});
  const std::lock_guard lock(mutex_);
  added_[identity->key] = identity;
}

std::shared_ptr<const Identity> AllowList::find(std::string_view key) const {
  const std::lock_guard lock(mutex_);
  if (const auto it = listed_.find(key); it != listed_.end()) return it->second;
  if (const auto it = added_.find(key); it != added_.end()) return it->second;
  return nullptr;
}

size_t AllowList::size() const {
  const std::lock_guard lock(mutex_);
  return listed_.size() + added_.size();
}

}  // namespace kiln::net
