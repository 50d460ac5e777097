#include "http/address.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cerrno>
#include <charconv>
#include <fstream>

namespace kiln::http {
namespace {

constexpr size_t kMinToken = 16;
constexpr size_t kMaxToken = 512;
constexpr const char* kForm =
    "Write ADDRESS:PORT with a numeric address, such as 127.0.0.1:8080, or off";

Error bad_address(const std::string& text) {
  return field_error("http", "'" + text + "' is no address for HTTP", kForm);
}

}  // namespace

std::string to_string(const Address& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

Result<std::optional<Address>> parse_address(const std::string& text) {
  if (text.empty() || text == "off") return std::optional<Address>();
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return bad_address(text);
  Address address;
  address.host = text.substr(0, colon);
  const bool brackets = address.host.starts_with('[') && address.host.ends_with(']');
  if (brackets) address.host = address.host.substr(1, address.host.size() - 2);
  const char* end = text.data() + text.size();
  const auto [stop, wrong] = std::from_chars(text.data() + colon + 1, end, address.port);
  if (wrong != std::errc() || stop != end) return bad_address(text);
  boost::system::error_code refused;
  const auto ip = boost::asio::ip::make_address(address.host, refused);
  if (refused || ip.is_v6() != brackets) return bad_address(text);
  address.loopback = ip.is_loopback();
  return std::optional(std::move(address));
}

Status check_open(const Address& address, bool has_token, bool insecure) {
  if (address.loopback || has_token || insecure) return {};
  return field_error(
      "http", "others can reach " + to_string(address) + " and no token is asked for",
      "Give a token with --metrics-token-file, listen on 127.0.0.1, or say --insecure");
}

Result<std::string> read_token_file(const std::string& path) {
  std::ifstream file(path);
  std::string token;
  if (!file) return errno_error(ErrorCode::io_error, "read the token file " + path, errno);
  std::getline(file, token);
  while (!token.empty() && (token.back() == '\r' || token.back() == ' ')) token.pop_back();
  const bool visible = std::ranges::all_of(token, [](char c) { return c > ' ' && c < '\x7f'; });
  if (visible && token.size() >= kMinToken && token.size() <= kMaxToken) return token;
  return field_error("metrics-token-file", path + " holds no token",
                     "Write one line of 16 to 512 visible characters into it, such as the output "
                     "of: openssl rand -hex 32");
}

}  // namespace kiln::http
