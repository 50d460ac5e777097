// Keys of peers: CURVE key pairs (CurveZMQ, rfc.zeromq.org/spec/26), as text and in files, and who
// is who by its key. Pure but for the files; any thread.
//
// Text form: 64 lower-case hexadecimal digits. (ZeroMQ's own Z85 has `#`, `$` and `<` in it, which
// neither shells nor files with comments take well.) ZeroMQ takes the 32 bytes themselves.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace kiln::net {

using Key = std::array<uint8_t, 32>;

inline constexpr size_t kKeyTextLength = 64;
inline constexpr size_t kMaxKeyFileBytes = 4'096;

std::string key_text(const Key& key);
// Either letter case; nothing but 64 digits.
std::optional<Key> parse_key(std::string_view text);

struct KeyPair {
  Key public_key{};
  Key secret_key{};
};
KeyPair generate_keypair();

// Writes NAME.key (both keys; mode 0600) and NAME.pub (the public one) into `directory`, made if it
// is missing. Errors: conflict (one of the files exists: keys are never overwritten), io_error,
// invalid_argument (the name).
struct KeyFiles {
  std::string secret_path;
  std::string public_path;
};
Result<KeyFiles> write_key_files(const std::string& directory, const std::string& name,
                                 const KeyPair& keys);
// Reads a NAME.key. Errors: io_error; invalid_argument (no key file, keys that are no pair, or
// others than the owner may read it).
Result<KeyPair> read_key_file(const std::string& path);
// A public key as text, or the path of a NAME.pub (or NAME.key). Errors: as above.
Result<Key> read_public_key(const std::string& text_or_path);

// What a key may do.
#define KILN_ROLES(X)                                                              \
  X(client) /* submits, asks and cancels, as one tenant; on the clients' socket */ \
  X(worker) /* runs tasks; on the workers' socket */                               \
  X(admin)  /* as a client, and sees and changes everything */
enum class Role : uint8_t {
#define KILN_X(name) name,
  KILN_ROLES(KILN_X)
#undef KILN_X
};
std::string_view to_string(Role role);
std::optional<Role> parse_role(std::string_view name);

inline constexpr std::string_view kDefaultTenant = "default";

// Who sent a message.
struct Identity {
  Role role = Role::client;
  std::string tenant = std::string(kDefaultTenant);
  std::string name;  // of the key, for people; "" without keys
  std::string key;   // its text; "" without keys
  bool operator==(const Identity&) const = default;
};

// A client's or worker's own keys and the public key of its broker: it speaks to no other.
struct ClientKeys {
  KeyPair own;
  Key server{};
};

class AllowList;
// A broker's own keys and who may come in.
struct ServerKeys {
  KeyPair own;
  std::shared_ptr<AllowList> allowed;  // never null
};

}  // namespace kiln::net
