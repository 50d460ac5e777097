#include "actors/cell_request.h"

#include <algorithm>

namespace kiln::actors {
namespace {

constexpr const char* kBox = "/box/";
constexpr int64_t kDetectWallMs = 10'000;

// Later variables replace earlier ones of the same name.
void set_variable(std::vector<model::EnvVar>& env, std::string name, std::string value) {
  const auto known = std::ranges::find(env, name, &model::EnvVar::name);
  if (known != env.end()) {
    known->value = std::move(value);
  } else {
    env.push_back({std::move(name), std::move(value)});
  }
}

std::vector<model::EnvVar> environment_of(const config::Language& language) {
  std::vector<model::EnvVar> env;
  for (auto& [name, value] : config::base_environment()) set_variable(env, name, value);
  for (const auto& [name, value] : language.env) set_variable(env, name, value);
  return env;
}

std::string with_source(std::string word, const std::string& source) {
  constexpr std::string_view kMark = "{source}";
  for (size_t at = 0; (at = word.find(kMark, at)) != std::string::npos; at += source.size()) {
    word.replace(at, kMark.size(), source);
  }
  return word;
}

}  // namespace

sandbox::CellRequest make_cell_request(const config::Language& language, model::Program program) {
  sandbox::CellRequest request;
  const std::string source = kBox + language.source;
  for (const std::string& word : language.run) request.argv.push_back(with_source(word, source));
  for (std::string& argument : program.args) request.argv.push_back(std::move(argument));
  request.env = environment_of(language);
  for (model::EnvVar& var : program.env) {
    set_variable(request.env, std::move(var.name), std::move(var.value));
  }
  request.files = std::move(program.files);
  request.files.push_back({language.source, std::move(program.code)});
  request.stdin_bytes = std::move(program.stdin_bytes);
  request.limits = model::resolve_limits(program.limits);
  return request;
}

sandbox::CellRequest make_detect_request(const config::Language& language) {
  sandbox::CellRequest request;
  request.argv = language.detect;
  request.env = environment_of(language);
  model::LimitsRequest limits;
  // A constant within the limit's bounds.
  (void)limits.set("wall_ms", kDetectWallMs);
  request.limits = model::resolve_limits(limits);
  return request;
}

}  // namespace kiln::actors
