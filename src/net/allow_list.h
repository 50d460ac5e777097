// Who may come in: public keys, each with a role, a tenant and a name. A text file, one key a line:
//
//   # KEY (64 hexadecimal digits)  ROLE  TENANT  NAME
//   3f...  client  red  build-server
//
// Threads: any. reload() replaces the list as a whole; whoever asks next gets the new one.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/keys.h"

namespace kiln::net {

inline constexpr size_t kMaxAllowListBytes = size_t{4} << 20U;
inline constexpr size_t kMaxAllowedKeys = 10'000;

class AllowList {
 public:
  // Errors: io_error; too_large; invalid_argument naming the file and the line; also when everyone
  // may write the file.
  static Result<std::shared_ptr<AllowList>> load(const std::string& path);
  // A list of no file: nobody but those that add() names.
  AllowList() = default;

  // Reads the file again. On an error (as load()) the list stays as it was. Keys that are no longer
  // there are refused from their next message on.
  Status reload();
  // One more key, which no reload takes away: a broker's own worker.
  void add(const Key& key, Role role, const std::string& tenant, const std::string& name);

  // By the key's text; null: unknown.
  std::shared_ptr<const Identity> find(std::string_view key) const;
  size_t size() const;

 private:
  using Identities = std::map<std::string, std::shared_ptr<const Identity>, std::less<>>;
  explicit AllowList(std::string path) : path_(std::move(path)) {}
  static Result<Identities> read(const std::string& path);

  const std::string path_;    // "": no file
  mutable std::mutex mutex_;  // guards the two
  Identities listed_;
  Identities added_;
};

}  // namespace kiln::net
