#include "net/keys.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/fd.h"
#include "model/task.h"
#include "net/small_file.h"

namespace kiln::net {
namespace {

constexpr size_t kZ85Length = 40;
using Z85 = std::array<char, kZ85Length + 1>;
constexpr std::string_view kPublicWord = "public ";
constexpr std::string_view kSecretWord = "secret ";

Z85 to_z85(const Key& key) {
  Z85 text{};
  zmq_z85_encode(text.data(), key.data(), key.size());
  return text;
}
Key from_z85(const Z85& text) {
  Key key{};
  zmq_z85_decode(key.data(), text.data());
  return key;
}

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Error no_key_file(const std::string& path, const std::string& why) {
  return {ErrorCode::invalid_argument, "'" + path + "' is no key file: " + why, "key", "",
          "Make a key with 'kiln keygen'"};
}

// The key after `word` at the beginning of a line.
std::optional<Key> key_after(std::string_view text, std::string_view word) {
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    if (line.starts_with(word)) return parse_key(line.substr(word.size()));
    begin = end + 1;
  }
  return std::nullopt;
}

bool is_pair(const KeyPair& keys) {
  Z85 expected{};
  const Z85 secret = to_z85(keys.secret_key);
  return zmq_curve_public(expected.data(), secret.data()) == 0 &&
         from_z85(expected) == keys.public_key;
}

Status write_new_file(const std::string& path, const std::string& text, mode_t mode) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!fd && errno == EEXIST) {
    return Error{ErrorCode::conflict, "'" + path + "' exists", "", "",
                 "Keys are never overwritten: choose another name, or remove it yourself"};
  }
  if (!fd) return errno_error(ErrorCode::io_error, "create '" + path + "'", errno);
  const bool written =
      write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      fsync(fd.get()) == 0;
  if (written) return {};
  Error error = errno_error(ErrorCode::io_error, "write '" + path + "'", errno);
  unlink(path.c_str());
  return error;
}

}  // namespace

std::string key_text(const Key& key) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const uint8_t byte : key) {
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
  return out;
}

std::optional<Key> parse_key(std::string_view text) {
  if (text.size() != kKeyTextLength) return std::nullopt;
  Key key{};
  for (size_t i = 0; i < key.size(); ++i) {
    const int high = digit_value(text[2 * i]);
    const int low = digit_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    key[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return key;
}

KeyPair generate_keypair() {
  Z85 public_key{};
  Z85 secret_key{};
  zmq_curve_keypair(public_key.data(), secret_key.data());
  return {from_z85(public_key), from_z85(secret_key)};
}

Result<KeyFiles> write_key_files(const std::string& directory, const std::string& name,
                                 const KeyPair& keys) {
  if (Status s = model::validate_name("name", name); !s) return std::move(s).error();
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    return errno_error(ErrorCode::io_error, "make the directory '" + directory + "'",
                       error.value());
  }
  const std::filesystem::path base = std::filesystem::path(directory) / name;
  KeyFiles files{base.string() + ".key", base.string() + ".pub"};
  const std::string public_text = key_text(keys.public_key);
  const std::string secret_text = "# The key of " + name + ". Whoever has this file is " + name +
                                  ".\n" + std::string(kPublicWord) + public_text + "\n" +
                                  std::string(kSecretWord) + key_text(keys.secret_key) + "\n";
  if (Status s = write_new_file(files.secret_path, secret_text, 0600); !s) {
    return std::move(s).error();
  }
  if (Status s = write_new_file(files.public_path, public_text + "\n", 0644); !s) {
    unlink(files.secret_path.c_str());
    return std::move(s).error();
  }
  return files;
}

Result<KeyPair> read_key_file(const std::string& path) {
  auto file = read_small_file(path, kMaxKeyFileBytes);
  if (!file) return std::move(file).error();
  if ((file->mode & (S_IRWXG | S_IRWXO)) != 0) {
    return Error{ErrorCode::invalid_argument,
                 "the secret key in '" + path + "' may be read by others", "key", "",
                 "chmod 600 '" + path + "', and make a new key if others may have read it"};
  }
  const auto public_key = key_after(file->text, kPublicWord);
  const auto secret_key = key_after(file->text, kSecretWord);
  if (!secret_key || !public_key) return no_key_file(path, "it holds no secret and public key");
  const KeyPair keys{*public_key, *secret_key};
  if (!is_pair(keys)) return no_key_file(path, "its two keys are no pair");
  return keys;
}

Result<Key> read_public_key(const std::string& text_or_path) {
  if (const auto key = parse_key(text_or_path)) return *key;
  auto file = read_small_file(text_or_path, kMaxKeyFileBytes);
  if (!file) return std::move(file).error();
  if (const auto key = key_after(file->text, kPublicWord)) return *key;
  if (const auto key = key_after(file->text, "")) return *key;
  return no_key_file(text_or_path, "it does not begin with a public key");
}

namespace {
#define KILN_X(name) #name,
constexpr std::string_view kRoleNames[] = {KILN_ROLES(KILN_X)};
#undef KILN_X
}  // namespace

std::string_view to_string(Role role) { return kRoleNames[static_cast<size_t>(role)]; }

std::optional<Role> parse_role(std::string_view name) {
  for (size_t i = 0; i < std::size(kRoleNames); ++i) {
    if (kRoleNames[i] == name) return static_cast<Role>(i);
  }
  return std::nullopt;
}

}  // namespace kiln::net
