#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <string_view>

#include "net/transport.h"

namespace kiln::net {
namespace {

constexpr std::string_view kTcp = "tcp://";
constexpr std::string_view kIpc = "ipc://";
constexpr size_t kMaxIpcPath = sizeof(sockaddr_un::sun_path) - 1;
constexpr unsigned kMaxPort = 65'535;

Error refuse(const std::string& endpoint, const std::string& why, std::string hint) {
  return field_error("endpoint", "the endpoint '" + endpoint + "' " + why, std::move(hint));
}

bool is_port(std::string_view text) {
  if (text == "*") return true;
  if (text.empty() || text.size() > 5) return false;
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return false;
  }
  return std::stoul(std::string(text)) <= kMaxPort;
}

enum class Host : uint8_t { loopback, elsewhere, no_number };

// Numeric forms only, as inet_pton(3) reads them.
Host classify(const std::string& host) {
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) {
    return ntohl(v4.s_addr) >> 24U == 127 ? Host::loopback : Host::elsewhere;
  }
  if (host.size() < 2 || host.front() != '[' || host.back() != ']') return Host::no_number;
  in6_addr v6{};
  const std::string inner = host.substr(1, host.size() - 2);
  if (inet_pton(AF_INET6, inner.c_str(), &v6) != 1) return Host::no_number;
  return IN6_IS_ADDR_LOOPBACK(&v6) != 0 ? Host::loopback : Host::elsewhere;
}

Status check_ipc(const std::string& endpoint) {
  const std::string path = endpoint.substr(kIpc.size());
  if (path.empty() || path.front() != '/') {
    return refuse(endpoint, "has no absolute path", "Write it as ipc:///run/kiln/clients");
  }
  if (path.size() > kMaxIpcPath) {
    return refuse(endpoint,
                  "has a path of " + std::to_string(path.size()) + " bytes, but at most " +
                      std::to_string(kMaxIpcPath) + " are possible",
                  "Choose a shorter directory");
  }
  return {};
}

}  // namespace

Status check_endpoint(const std::string& endpoint, bool open) {
  if (endpoint.find('\0') != std::string::npos) {
    return refuse(endpoint.substr(0, endpoint.find('\0')), "has a NUL byte", "");
  }
  if (endpoint.starts_with(kIpc)) return check_ipc(endpoint);
  const size_t colon = endpoint.rfind(':');
  if (!endpoint.starts_with(kTcp) || colon < kTcp.size()) {
    return refuse(endpoint, "is neither tcp nor ipc", "Write it as tcp://127.0.0.1:5570");
  }
  if (!is_port(std::string_view(endpoint).substr(colon + 1))) {
    return refuse(endpoint, "has no port from 0 to 65535", "Write it as tcp://127.0.0.1:5570");
  }
  const Host host = classify(endpoint.substr(kTcp.size(), colon - kTcp.size()));
  if (host == Host::no_number) {
    return refuse(endpoint, "does not give its address in numbers",
                  "Write it as tcp://127.0.0.1:5570, or tcp://0.0.0.0:5570 for every address");
  }
  if (host == Host::elsewhere && !open) {
    return refuse(endpoint, "is not a loopback address",
                  "Give keys (--key and --allow; 'kiln keygen' makes them), or say --insecure");
  }
  return {};
}

}  // namespace kiln::net
