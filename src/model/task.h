// A task as a client asks for it, and its validation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/time.h"
#include "model/blob.h"
#include "model/limits.h"
#include "model/states.h"

namespace kiln::model {

inline constexpr int kMinPriority = 0;
inline constexpr int kMaxPriority = 10;  // higher is sooner
inline constexpr int kDefaultPriority = 5;
inline constexpr size_t kMaxNameLength = 64;
inline constexpr size_t kMaxCodeBytes = size_t{1} << 20U;
inline constexpr size_t kMaxStdinBytes = 8 * (size_t{1} << 20U);
inline constexpr size_t kMaxArguments = 256;
inline constexpr size_t kMaxEnvironment = 256;
inline constexpr size_t kMaxFiles = 256;
inline constexpr size_t kMaxPathBytes = 512;
inline constexpr size_t kMaxInlineFileBytes = 64 * 1024;  // what is larger is a blob
// Below /box: what a program leaves there comes back with its result.
inline constexpr std::string_view kArtifactDirectory = "out";
inline constexpr size_t kMaxTextBytes = 128 * 1024;  // one argument or variable: MAX_ARG_STRLEN
inline constexpr int kDefaultMaxRetries = 3;
inline constexpr int kMaxRetries = 20;
inline constexpr uint32_t kDefaultRetryDelayMs = 5'000;  // before the first retry
inline constexpr uint32_t kMaxRetryDelayMs = 600'000;
inline constexpr uint64_t kMaxLaterMs = uint64_t{366} * 24 * 3'600 * 1'000;  // a year ahead

struct EnvVar {
  std::string name;
  std::string value;
  bool operator==(const EnvVar&) const = default;
};

struct InputFile {
  std::string path;  // relative to /box; no "..", no empty part
  std::string bytes;
  std::optional<BlobRef> blob = {};  // in place of bytes
  bool operator==(const InputFile&) const = default;
};

// What runs: everything a worker needs, and nothing else. Stored apart from the task's row.
struct Program {
  std::string language;
  std::string code;
  std::vector<std::string> args;
  std::string stdin_bytes;
  std::vector<EnvVar> env;
  std::vector<InputFile> files;
  LimitsRequest limits;
  bool operator==(const Program&) const = default;
};

struct TaskSpec {
  std::optional<TaskId> id;        // chosen by the client; absent: the broker chooses
  std::string tenant = "default";  // set by the broker from the peer's key, never by the client
  std::string queue = "default";
  int priority = kDefaultPriority;
  Program program;
  bool wait = false;  // somebody waits: no retry but after a lost worker
  bool cache = true;  // may be answered from the cache or join the same work
  // Absent: as its queue is set, else the defaults.
  std::optional<int> max_retries;
  std::optional<std::vector<RetryReason>> retry_on;
  std::optional<uint32_t> retry_delay_ms;  // before the first retry, longer before each later one
  std::optional<bool> full_jitter;         // anywhere between 0 and the delay
  std::optional<WallTime> eta;             // not before
  std::optional<uint64_t> countdown_ms;    // not before so long after acceptance; not with eta
  std::optional<WallTime> expires;         // not started by then: expired
  std::optional<uint64_t> expires_in_ms;   // so long after acceptance; not with expires
  bool operator==(const TaskSpec&) const = default;
};

// Bit i = RetryReason i.
uint32_t bits_of(const std::vector<RetryReason>& reasons);
std::vector<RetryReason> reasons_of(uint32_t bits);
inline constexpr uint32_t kDefaultRetryOn = 1U << static_cast<uint32_t>(RetryReason::timeout) |
                                            1U << static_cast<uint32_t>(RetryReason::memory) |
                                            1U << static_cast<uint32_t>(RetryReason::os_error);

// 1 to 64 of A-Za-z0-9_.- ; `field` is what the error names ("queue").
Status validate_name(std::string_view field, std::string_view name);
// Errors name the field. Does not know which languages exist.
Status validate(const TaskSpec& spec);
// Valid UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

// The blobs among the program's files.
BlobRefs blobs_of(const Program& program);

// SHA-256 of the code's bytes.
Sha256 code_hash(const Program& program);
// Same key = same work: language, its version, code, files, stdin, arguments, environment, limits
// and the tenant, in canonical order (files and environment by name).
Sha256 cache_key(const TaskSpec& spec, std::string_view language_version);
// Same hash = the same submission sent again: everything in the spec but the id.
Sha256 body_hash(const TaskSpec& spec);

}  // namespace kiln::model
