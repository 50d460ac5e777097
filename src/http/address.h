// Where an HTTP server listens: "127.0.0.1:8080", "[::1]:0", or "off".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"

namespace kiln::http {

struct Address {
  std::string host;  // a numeric address, without brackets
  uint16_t port = 0;
  bool loopback = false;
};

std::string to_string(const Address& address);
// None for "off" and "". Errors: invalid_argument. Host names are refused: what they mean can
// change.
Result<std::optional<Address>> parse_address(const std::string& text);
// Refuses an address that others can reach, unless there is a token or somebody said "insecure".
Status check_open(const Address& address, bool has_token, bool insecure);
// A token from a file: its first line, 16 to 512 visible ASCII characters. Errors:
// invalid_argument, io_error.
Result<std::string> read_token_file(const std::string& path);

}  // namespace kiln::http
