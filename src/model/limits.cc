#include "model/limits.h"

#include <algorithm>
#include <array>

namespace kiln::model {
namespace {

constexpr int64_t kMaxWallMs = 3'600'000;
constexpr int64_t kMaxCpusMilli = 1'024'000;
constexpr int64_t kShortTaskMs = 10'000;  // shorter ones get no soft limit of their own

constexpr std::array kFields = {
    LimitField{"wall_ms", &Limits::wall_ms, kMaxWallMs, "hard wall time, ms"},
    LimitField{"soft_ms", &Limits::soft_ms, kMaxWallMs, "soft wall time (SIGTERM), ms"},
    LimitField{"cpu_ms", &Limits::cpu_ms, kMaxWallMs * 1'024, "CPU time of the whole cell, ms"},
    LimitField{"cpus_milli", &Limits::cpus_milli, kMaxCpusMilli, "CPU share, 1000 = one core"},
    LimitField{"memory_bytes", &Limits::memory_bytes, int64_t{1} << 50U, "memory, bytes"},
    LimitField{"processes", &Limits::processes, 512, "processes and threads"},
    LimitField{"file_size_bytes", &Limits::file_size_bytes, 1'024 * kMB, "largest file, bytes"},
    LimitField{"box_bytes", &Limits::box_bytes, 1'024 * kMB, "size of /box, bytes"},
    LimitField{"box_inodes", &Limits::box_inodes, 1'048'576, "files in /box"},
    LimitField{"tmp_bytes", &Limits::tmp_bytes, 1'024 * kMB, "size of /tmp, bytes"},
    LimitField{"tmp_inodes", &Limits::tmp_inodes, 1'048'576, "files in /tmp"},
    LimitField{"shm_bytes", &Limits::shm_bytes, 1'024 * kMB, "size of /dev/shm, bytes"},
    LimitField{"shm_inodes", &Limits::shm_inodes, 1'048'576, "files in /dev/shm"},
    LimitField{"output_bytes", &Limits::output_bytes, 64 * kMB, "output kept per stream, bytes"},
    LimitField{"artifact_files", &Limits::artifact_files, 1'000, "artifacts collected"},
    LimitField{"artifact_bytes", &Limits::artifact_bytes, 1'024 * kMB, "artifacts, bytes in all"},
};

std::optional<size_t> field_index(std::string_view name) {
  for (size_t i = 0; i < kFields.size(); ++i) {
    if (kFields[i].name == name) return i;
  }
  return std::nullopt;
}

std::string known_names() {
  std::string out;
  for (const LimitField& field : kFields) {
    if (!out.empty()) out += ' ';
    out += field.name;
  }
  return out;
}

}  // namespace

std::span<const LimitField> limit_fields() { return kFields; }

Status LimitsRequest::set(std::string_view name, int64_t value) {
  static_assert(kFields.size() == kFieldCount);
  const auto index = field_index(name);
  const std::string field = "limits." + std::string(name);
  if (!index)
    return field_error(field, "there is no limit '" + std::string(name) + "'",
                       "The limits are: " + known_names());
  if (value < 1) {
    return field_error(field, field + " is " + std::to_string(value) + ", but must be at least 1",
                       "Leave it out for the default; there is no 'unlimited'");
  }
  entries_[*index] = Entry{true, value};
  return {};
}

std::optional<int64_t> LimitsRequest::get(std::string_view name) const {
  const auto index = field_index(name);
  if (!index || !entries_[*index].set) return std::nullopt;
  return entries_[*index].value;
}

bool LimitsRequest::empty() const {
  return std::ranges::none_of(entries_, [](const Entry& entry) { return entry.set; });
}

LimitsRequest with_defaults(LimitsRequest request, const LimitsRequest& defaults) {
  for (size_t i = 0; i < LimitsRequest::kFieldCount; ++i) {
    if (!request.entries_[i].set) request.entries_[i] = defaults.entries_[i];
  }
  return request;
}

Limits resolve_limits(const LimitsRequest& request) {
  Limits limits;
  for (size_t i = 0; i < kFields.size(); ++i) {
    const auto& entry = request.entries_[i];
    if (entry.set) limits.*kFields[i].member = std::min(entry.value, kFields[i].maximum);
  }
  if (request.get("wall_ms") && !request.get("soft_ms")) {
    limits.soft_ms = limits.wall_ms >= kShortTaskMs ? limits.wall_ms / 4 * 3 : 0;
  }
  if (!request.get("cpu_ms")) limits.cpu_ms = std::max(limits.cpu_ms, limits.wall_ms);
  return limits;
}

}  // namespace kiln::model
