#include "tests/net/raw_peer.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <stdexcept>

namespace kiln::net {
namespace {

std::string big_endian(size_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFFU);
  return out;
}
std::string property(std::string_view name, std::string_view value) {
  return static_cast<char>(name.size()) + std::string(name) + big_endian(value.size()) +
         std::string(value);
}

}  // namespace

RawPeer::RawPeer(const std::string& endpoint) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int port = std::stoi(endpoint.substr(endpoint.rfind(':') + 1));
  address.sin_port = htons(static_cast<uint16_t>(port));
  const auto* any = reinterpret_cast<const sockaddr*>(&address);
  if (!fd_ || connect(fd_.get(), any, sizeof address) != 0) {
    throw std::runtime_error("cannot connect to " + endpoint);
  }
}

bool RawPeer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

std::string RawPeer::receive(size_t enough, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::string out;
  while (out.size() < enough) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd polled{fd_.get(), POLLIN, 0};
    if (left.count() <= 0 || poll(&polled, 1, static_cast<int>(left.count())) <= 0) break;
    std::array<char, 4'096> buffer;
    const ssize_t got = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) break;
    out.append(buffer.data(), static_cast<size_t>(got));
  }
  return out;
}

bool RawPeer::closes(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd polled{fd_.get(), POLLIN, 0};
    if (left.count() <= 0 || poll(&polled, 1, static_cast<int>(left.count())) <= 0) return false;
    std::array<char, 4'096> buffer;
    if (recv(fd_.get(), buffer.data(), buffer.size(), 0) <= 0) return true;
  }
}

void RawPeer::reset() {
  const linger at_once{1, 0};
  setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  fd_.reset();
}

std::string greeting(std::string_view mechanism) {
  std::string out("\xFF\0\0\0\0\0\0\0\x01\x7F\x03\0", 12);
  out += mechanism;
  out.resize(kGreetingSize, '\0');
  return out;
}

std::string command(std::string_view name, std::string_view data) {
  const std::string body = static_cast<char>(name.size()) + std::string(name) + std::string(data);
  return std::string(1, '\x04') + static_cast<char>(body.size()) + body;
}

std::string ready_with(std::string_view name, std::string_view value) {
  return command("READY", property("Socket-Type", "DEALER") + property("Identity", "") +
                              property(name, value));
}

std::string message_frame(std::string_view bytes) {
  return std::string(1, '\0') + static_cast<char>(bytes.size()) + std::string(bytes);
}

}  // namespace kiln::net
