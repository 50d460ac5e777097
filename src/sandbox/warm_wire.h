// What the launcher and a warm parent say to each other: fixed structs in one SEQPACKET packet
// each, as in wire.h. Both come from one build.
//
//   launcher -> parent   the modules' names (text), Setup; then Fork (+ WarmForkFd, and what the
//                        program's process writes "0" to, to enter its control groups)
//   parent -> launcher   Loaded; then for each Fork one Ended
//
// The parent ends when the launcher's end of the socket is closed.
#pragma once

#include <linux/filter.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "sandbox/cell_child.h"
#include "sandbox/wire.h"

namespace kiln::sandbox::warm {

inline constexpr int kSocketFd = 3;   // of the parent
inline constexpr int kLibraryFd = 4;  // _kiln_warm, in memory
inline constexpr size_t kMaxFilter = 256;
inline constexpr size_t kMaxProbes = 16;
inline constexpr size_t kMaxJoins = 6;

enum class Type : uint32_t { setup = 1, fork, loaded, ended };

// Of all the programs forked from this parent.
struct Setup {
  Type type = Type::setup;
  uint32_t filter_length = 0;
  uint32_t probe_count = 0;
  uint32_t reserved = 0;
  uint64_t filter_count = 0;
  NamespaceIds launcher_namespaces{};
  std::array<sock_filter, kMaxFilter> filter{};
  std::array<ProgramFilter::Probe, kMaxProbes> probes{};
};

enum ForkFd : size_t { kInitFd, kProgramSocketFd, kFirstJoinFd };

struct Fork {
  Type type = Type::fork;
  uint32_t self_test = 0;
  uint64_t cell = 0;  // chosen by the launcher
};

struct Loaded {
  Type type = Type::loaded;
  uint32_t missing = 0;  // modules that could not be imported
  uint32_t useless = 0;  // 1: none of its own could; the parent ends
};

// The program's process is dead and reaped, or could not be made.
struct Ended {
  Type type = Type::ended;
  int32_t error = 0;  // an errno: it could not be made
  uint64_t cell = 0;
  int32_t wait_status = 0;
  int32_t reserved = 0;
  int64_t rss_bytes = 0;
  int64_t at_us = 0;  // CLOCK_MONOTONIC
};

// The packet as a T; nothing: it is something else.
template <class T>
std::optional<T> packet_of(std::span<const std::byte> packet) {
  if (packet.size() != sizeof(T)) return std::nullopt;
  const T message = wire::packet_as<T>(packet);
  return message.type == T().type ? std::optional(message) : std::nullopt;
}

}  // namespace kiln::sandbox::warm
