#include "actors/compile_step.h"

#include <algorithm>

namespace kiln::actors {
namespace {

const model::Artifact* program_of(const model::TaskResult& end) {
  const auto found = std::ranges::find(end.artifacts, kCompiledName, &model::Artifact::path);
  return found == end.artifacts.end() ? nullptr : &*found;
}

// For a person: why there is no program.
std::string reason(const model::TaskResult& end) {
  if (!end.message.empty()) return "the compiler " + end.message;
  if (end.signal) return "signal " + std::to_string(*end.signal) + " ended the compiler";
  if (end.exit_code.value_or(0) != 0) {
    return "the compiler ended with exit code " + std::to_string(*end.exit_code);
  }
  if (!end.artifacts_refused.empty()) return "what was compiled: " + end.artifacts_refused.front();
  return "the compiler made no program";
}

void add_files(FieldHasher& hash, const ProgramFiles& files) {
  ProgramFiles sorted = files;
  std::ranges::sort(sorted, {}, &model::InputFile::path);
  hash.add(sorted.size());
  for (const model::InputFile& file : sorted) hash.add(file.path).add(file.bytes);
}

}  // namespace

Sha256 compile_key(const sandbox::CellRequest& request, std::string_view version) {
  FieldHasher hash;
  hash.add("compile").add(version).add(request.argv.size());
  for (const std::string& word : request.argv) hash.add(word);
  hash.add(request.env.size());
  for (const model::EnvVar& var : request.env) hash.add(var.name).add(var.value);
  add_files(hash, request.files);
  for (const model::LimitField& field : model::limit_fields()) {
    hash.add(static_cast<uint64_t>(request.limits.*field.member));
  }
  return hash.finish();
}

bool has_compiled(const model::TaskResult& end) {
  return end.verdict == model::Verdict::ok && program_of(end) != nullptr;
}

ProgramFiles take_compiled(model::TaskResult& end) {
  ProgramFiles files;
  for (model::Artifact& made : end.artifacts) {
    files.push_back({std::move(made.path), std::move(made.bytes)});
  }
  end.artifacts.clear();
  return files;
}

model::TaskResult compile_failure(model::TaskResult end) {
  end.cost.compile_us = end.cost.wall_us;
  if (end.verdict != model::Verdict::cancelled &&
      end.verdict != model::Verdict::infrastructure_error) {
    end.message = reason(end);
    end.verdict = model::Verdict::compile_error;
  }
  end.artifacts.clear();
  end.artifacts_refused.clear();
  return end;
}

}  // namespace kiln::actors
