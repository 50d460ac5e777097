#include "sandbox/wire.h"

#include <algorithm>
#include <cstring>

namespace kiln::sandbox::wire {
namespace {

Error malformed(std::string what) {
  return Error{ErrorCode::malformed, "the launcher's request is damaged", "", std::move(what), ""};
}

size_t size_of(Type type) {
  switch (type) {
    case Type::run:
      return sizeof(Run);
    case Type::kill:
      return sizeof(Kill);
    case Type::ready:
      return sizeof(Ready);
    case Type::not_ready:
      return sizeof(NotReady);
    case Type::started:
      return sizeof(Started);
    case Type::finished:
      return sizeof(Finished);
    case Type::life:
      return sizeof(Life);
    case Type::pool:
      return sizeof(Pool);
    case Type::warm:
      return sizeof(Warm);
  }
  return 0;
}

// Takes pieces off the front of the payload; a piece longer than what is left is an error.
class Cutter {
 public:
  explicit Cutter(std::span<const std::byte> bytes) : rest_(bytes) {}

  bool cut(uint64_t size, std::span<const std::byte>& out) {
    if (size > rest_.size()) return false;
    out = rest_.first(size);
    rest_ = rest_.subspan(size);
    return true;
  }
  bool empty() const { return rest_.empty(); }

 private:
  std::span<const std::byte> rest_;
};

// Exactly `count` strings, each ended by NUL, filling `bytes`.
bool split_strings(std::span<const std::byte> bytes, uint32_t count,
                   std::vector<const char*>& out) {
  for (uint32_t i = 0; i < count; ++i) {
    const auto end = std::find(bytes.begin(), bytes.end(), std::byte{0});
    if (end == bytes.end()) return false;
    out.push_back(reinterpret_cast<const char*>(bytes.data()));
    bytes = bytes.subspan(static_cast<size_t>(end - bytes.begin()) + 1);
  }
  return bytes.empty();
}

// Null, or what is wrong.
const char* cut_files(const Run& run, Cutter& payload, RunView& view) {
  std::span<const std::byte> names;
  std::span<const std::byte> sizes;
  if (!payload.cut(run.name_bytes, names) || !split_strings(names, run.files, view.names)) {
    return "file names";
  }
  if (!payload.cut(uint64_t{run.files} * sizeof(uint64_t), sizes)) return "file sizes";
  for (const char* name : view.names) {
    uint64_t size = 0;
    std::memcpy(&size, sizes.data(), sizeof size);
    sizes = sizes.subspan(sizeof size);
    FileView file{name, {}, run.files - view.files.size() <= run.programs};
    if (!is_safe_path(name)) return "a file's path leads out of /box";
    if (!payload.cut(size, file.bytes)) return "file contents";
    view.files.push_back(file);
  }
  return nullptr;
}

const char* cut_run(const Run& run, std::span<const std::byte> payload, RunView& view) {
  if (std::max({run.argc, run.envc, run.files}) > kMaxStrings) return "too many strings";
  if (run.programs > run.files) return "more programs than files";
  if (run.collect_file_bytes > kMaxCollectFileBytes) return "the largest artifact";
  Cutter cutter(payload);
  std::span<const std::byte> part;
  if (!cutter.cut(run.argv_bytes, part) || !split_strings(part, run.argc, view.argv)) {
    return "arguments";
  }
  if (!cutter.cut(run.env_bytes, part) || !split_strings(part, run.envc, view.env)) {
    return "environment";
  }
  if (view.argv.empty() || view.argv[0][0] != '/') return "no absolute program path";
  if (const char* wrong = cut_files(run, cutter, view)) return wrong;
  if (!cutter.empty()) return "bytes are left over";
  view.argv.push_back(nullptr);
  view.env.push_back(nullptr);
  return nullptr;
}

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

void append_string(std::string& out, std::string_view text) {
  out.append(text);
  out.push_back('\0');
}

Status append_strings(const CellRequest& request, Run& run, std::string& out) {
  for (const std::string& argument : request.argv) {
    if (has_nul(argument)) return field_error("args", "an argument has a NUL byte");
    append_string(out, argument);
  }
  run.argv_bytes = out.size();
  for (const model::EnvVar& variable : request.env) {
    if (has_nul(variable.name) || has_nul(variable.value)) {
      return field_error("env", "a variable has a NUL byte");
    }
    append_string(out, variable.name + "=" + variable.value);
  }
  run.env_bytes = out.size() - run.argv_bytes;
  return {};
}

Status append_files(const CellRequest& request, Run& run, std::string& out) {
  std::vector<const model::InputFile*> all;
  for (const model::InputFile& file : request.files) all.push_back(&file);
  for (const model::InputFile& file : request.programs) all.push_back(&file);
  const size_t before = out.size();
  for (const model::InputFile* file : all) {
    if (has_nul(file->path) || !is_safe_path(file->path)) {
      return field_error("files", "'" + file->path + "' is no path below /box");
    }
    append_string(out, file->path);
  }
  run.name_bytes = out.size() - before;
  for (const model::InputFile* file : all) {
    const uint64_t size = file->bytes.size();
    out.append(reinterpret_cast<const char*>(&size), sizeof size);
  }
  for (const model::InputFile* file : all) out.append(file->bytes);
  return {};
}

}  // namespace

Result<std::vector<ArtifactView>> read_artifacts(std::string_view copy) {
  std::vector<ArtifactView> out;
  while (!copy.empty()) {
    ArtifactRecord record;
    if (copy.size() < sizeof record) return malformed("an artifact's record");
    std::memcpy(&record, copy.data(), sizeof record);
    copy.remove_prefix(sizeof record);
    const bool taken = record.refusal == 0;
    if (record.refusal >= kRefusalCount || record.path_bytes > copy.size()) {
      return malformed("an artifact's path");
    }
    ArtifactView view{
        static_cast<Refusal>(record.refusal), copy.substr(0, record.path_bytes), {}, record.size};
    copy.remove_prefix(record.path_bytes);
    if (taken && record.size > copy.size()) return malformed("an artifact's bytes");
    if (taken) view.bytes = copy.substr(0, record.size);
    copy.remove_prefix(view.bytes.size());
    out.push_back(view);
  }
  return out;
}

bool is_safe_path(std::string_view path) {
  if (path.empty() || path.size() > kMaxFileNameBytes) return false;
  while (true) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

Result<Type> packet_type(std::span<const std::byte> packet) {
  Header header;
  if (packet.size() < sizeof header) return malformed("a packet is too short");
  header = packet_as<Header>(packet);
  if (header.version != kVersion) return malformed("it is of another version");
  const size_t size = size_of(header.type);
  if (size == 0) return malformed("unknown type");
  if (size != packet.size()) return malformed("a packet has the wrong length");
  return header.type;
}

Result<EncodedRun> encode_run(CellId id, const CellRequest& request) {
  EncodedRun out;
  const size_t files = request.files.size() + request.programs.size();
  const size_t most = std::max({request.argv.size(), request.env.size(), files});
  if (request.argv.empty()) return field_error("argv", "there is no program to run");
  if (most > kMaxStrings) {
    return Error{ErrorCode::too_large, "too many arguments, variables or files", "", "", ""};
  }
  out.run.id = id;
  out.run.limits = request.limits;
  out.run.argc = static_cast<uint32_t>(request.argv.size());
  out.run.envc = static_cast<uint32_t>(request.env.size());
  out.run.files = static_cast<uint32_t>(files);
  out.run.programs = static_cast<uint32_t>(request.programs.size());
  out.run.collect_file_bytes = request.collect_file_bytes;
  out.run.syscalls = request.syscalls;
  out.run.image = request.image;
  if (Status status = append_strings(request, out.run, out.payload); !status) return status.error();
  if (Status status = append_files(request, out.run, out.payload); !status) return status.error();
  if (out.payload.size() > kMaxPayloadBytes) {
    return Error{ErrorCode::too_large, "program, files and arguments are too large together", "",
                 std::to_string(out.payload.size()) + " bytes",
                 "At most " + std::to_string(kMaxPayloadBytes)};
  }
  out.run.payload_bytes = out.payload.size();
  return out;
}

void reserve_view(RunView& view) {
  view.argv.reserve(kMaxStrings + 1);
  view.env.reserve(kMaxStrings + 1);
  view.names.reserve(kMaxStrings);
  view.files.reserve(kMaxStrings);
}

bool read_run(const Run& run, std::span<const std::byte> payload, RunView& view) {
  return cut_run(run, payload, view) == nullptr;
}

Status check_limits(const model::Limits& limits) {
  for (const model::LimitField& field : model::limit_fields()) {
    const int64_t value = limits.*field.member;
    const int64_t least = field.member == &model::Limits::soft_ms ? 0 : 1;
    if (value < least || value > field.maximum) {
      return malformed("limit " + std::string(field.name) + " is " + std::to_string(value));
    }
  }
  return {};
}

Result<RunView> decode_run(const Run& run, std::span<const std::byte> payload) {
  if (payload.size() != run.payload_bytes || payload.size() > kMaxPayloadBytes) {
    return malformed("the payload's size");
  }
  if (Status status = check_limits(run.limits); !status) return status.error();
  RunView view;
  if (const char* wrong = cut_run(run, payload, view)) return malformed(wrong);
  return view;
}

}  // namespace kiln::sandbox::wire
