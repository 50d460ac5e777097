#include "actors/language_probe.h"

#include "actors/cell_request.h"

namespace kiln::actors {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kVersionCharacters = "0123456789.";

std::string why_not(const config::Language& language, const model::TaskResult& result) {
  std::string why =
      language.detect.front() + " ended with " + std::string(model::to_string(result.verdict));
  if (!result.message.empty()) why += " (" + result.message + ")";
  const std::string told = result.err.bytes.substr(0, result.err.bytes.find('\n'));
  if (!told.empty() && model::is_utf8(told)) why += ": " + told;
  return why + "; install it with: " + language.install_hint;
}

}  // namespace

std::optional<std::string> version_in(std::string_view output) {
  const std::string_view line = output.substr(0, output.find('\n'));
  const size_t start = line.find_first_of(kDigits);
  if (start == std::string_view::npos) return std::nullopt;
  std::string_view version = line.substr(start);
  version = version.substr(0, version.find_first_not_of(kVersionCharacters));
  while (version.ends_with('.')) version.remove_suffix(1);
  return std::string(version);
}

FoundLanguages find_languages(CellHost& cells, const config::Languages& languages) {
  FoundLanguages all;
  for (const config::Language& language : languages.all()) {
    const model::TaskResult result = cells.run_and_wait(make_detect_request(language));
    const std::string& text = result.out.bytes.empty() ? result.err.bytes : result.out.bytes;
    const auto version = version_in(text);
    if (result.verdict == model::Verdict::ok && version) {
      all.found.push_back({language.name, *version});
    } else {
      all.missing.push_back({language.name, why_not(language, result)});
    }
  }
  return all;
}

}  // namespace kiln::actors
