#include "actors/cell_request.h"

#include <algorithm>

#include "model/environment.h"

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
  std::vector<model::EnvVar> env = model::base_environment();
  for (const auto& [name, value] : language.env) set_variable(env, name, value);
  return env;
}

struct Place {
  std::string_view mark;
  std::string path;
};

std::string filled_in(std::string word, const std::vector<Place>& places) {
  for (const Place& place : places) {
    for (size_t at = 0; (at = word.find(place.mark, at)) != std::string::npos;
         at += place.path.size()) {
      word.replace(at, place.mark.size(), place.path);
    }
  }
  return word;
}

std::vector<std::string> command_line(const std::vector<std::string>& words,
                                      const config::Language& language) {
  const std::vector<Place> places = {{"{source}", kBox + language.source},
                                     {"{output}", std::string(kBox) + "out/" + kCompiledName},
                                     {"{program}", std::string(kBox) + kCompiledName}};
  std::vector<std::string> argv;
  for (const std::string& word : words) argv.push_back(filled_in(word, places));
  return argv;
}

// What all cells of a language have.
sandbox::CellRequest request_of(const config::Language& language) {
  sandbox::CellRequest request;
  request.env = environment_of(language);
  request.syscalls = language.syscalls;
  return request;
}

}  // namespace

sandbox::CellRequest make_cell_request(const config::Language& language, model::Program program,
                                       const ProgramFiles& compiled) {
  sandbox::CellRequest request = request_of(language);
  request.argv = command_line(language.run, language);
  for (std::string& argument : program.args) request.argv.push_back(std::move(argument));
  for (model::EnvVar& var : program.env) {
    set_variable(request.env, std::move(var.name), std::move(var.value));
  }
  request.image = config::image_for(language, program.code);
  request.files = std::move(program.files);
  if (language.compile.empty()) request.files.push_back({language.source, std::move(program.code)});
  request.programs = compiled;
  request.stdin_bytes = std::move(program.stdin_bytes);
  request.limits = model::resolve_limits(model::with_defaults(program.limits, language.limits));
  request.collect_file_bytes = static_cast<uint64_t>(request.limits.artifact_bytes);
  return request;
}

std::vector<sandbox::WarmImage> warm_images(const config::Languages& languages) {
  const auto joined = [](std::string text, const std::vector<std::string>& words) {
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
  };
  std::vector<sandbox::WarmImage> out;
  for (const config::Language& language : languages.all()) {
    std::string modules;
    for (const config::WarmImage& image : language.warm) {
      modules = joined(std::move(modules), image.imports);
      // One that is for all programs is worth keeping without any.
      const std::string own = image.when.empty() ? "" : joined("", image.imports);
      out.push_back({image.name, language.run[0], language.source, modules, own});
    }
  }
  return out;
}

sandbox::CellRequest make_compile_request(const config::Language& language,
                                          const model::Program& program) {
  sandbox::CellRequest request = request_of(language);
  request.argv = command_line(language.compile, language);
  request.files = program.files;
  request.files.push_back({language.source, program.code});
  request.limits = model::resolve_limits(language.compile_limits);
  request.limits.soft_ms = 0;  // a compiler has nothing to tidy up
  request.limits.artifact_bytes = kMaxCompiledBytes;
  request.collect_file_bytes = kMaxCompiledBytes;
  return request;
}

sandbox::CellRequest make_detect_request(const config::Language& language) {
  sandbox::CellRequest request = request_of(language);
  request.argv = language.detect;
  model::LimitsRequest limits;
  // A constant within the limit's bounds.
  (void)limits.set("wall_ms", kDetectWallMs);
  request.limits = model::resolve_limits(limits);
  return request;
}

}  // namespace kiln::actors
