#include "config/languages.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <sstream>

#include "config/builtin.h"
#include "config/yaml.h"

namespace kiln::config {
namespace {

constexpr std::string_view kSourcePlace = "{source}";
constexpr std::string_view kOutputPlace = "{output}";
constexpr std::string_view kProgramPlace = "{program}";
constexpr std::array<std::string_view, 1> kTopKeys = {"languages"};
constexpr std::array<std::string_view, 5> kRequiredKeys = {"extensions", "source", "detect", "run",
                                                           "install"};
constexpr std::array<std::string_view, 6> kOptionalKeys = {
    "env", "compile", "limits", "compile_limits", "syscalls", "warm"};
constexpr std::array<std::string_view, 1> kWarmKeys = {"imports"};
constexpr std::array<std::string_view, 1> kWarmOptionalKeys = {"when"};
constexpr size_t kMaxNameLength = 64;

bool has_place(const std::vector<std::string>& command, std::string_view place) {
  return std::any_of(command.begin(), command.end(), [place](const std::string& argument) {
    return argument.find(place) != std::string::npos;
  });
}

bool is_word_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNameLength &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_word_char(c) || c == '.' || c == '-'; });
}

bool is_variable(std::string_view text) {
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) == 0 &&
         std::all_of(text.begin(), text.end(), is_word_char);
}

std::string profile_names() {
  std::string out;
  for (const std::string_view name : model::kSyscallProfiles) {
    out += (out.empty() ? "" : ", ") + std::string(name);
  }
  return out;
}

// Reads one entry of the map; each step stops at the first error.
class EntryReader {
 public:
  EntryReader(const YamlText& yaml, const std::string& name, const YAML::Node& node)
      : yaml_(yaml), field_("languages." + name), node_(node) {
    language_.name = name;
  }

  Result<Language> read() {
    for (const auto step : {&EntryReader::keys, &EntryReader::texts, &EntryReader::names,
                            &EntryReader::commands, &EntryReader::env, &EntryReader::syscalls,
                            &EntryReader::warm, &EntryReader::both_limits}) {
      if (Status status = (this->*step)(); !status) return std::move(status).error();
    }
    return std::move(language_);
  }

 private:
  std::string key(std::string_view name) const { return field_ + "." + std::string(name); }
  Error wrong(std::string_view name, const std::string& what) const {
    return yaml_.error_at(node_[std::string(name)], key(name), "\"" + key(name) + "\" " + what);
  }
  Status list(std::string_view name, std::vector<std::string>& into) {
    auto texts = yaml_.texts_of(node_[std::string(name)], key(name));
    if (!texts) return std::move(texts).error();
    into = std::move(*texts);
    return {};
  }
  Status text(std::string_view name, std::string& into) {
    auto value = yaml_.text_of(node_[std::string(name)], key(name));
    if (!value) return std::move(value).error();
    into = std::move(*value);
    return {};
  }

  Status keys() { return yaml_.check_map(node_, field_, kRequiredKeys, kOptionalKeys); }

  Status texts() {
    if (Status s = text("source", language_.source); !s) return s;
    if (Status s = text("install", language_.install_hint); !s) return s;
    if (Status s = list("extensions", language_.extensions); !s) return s;
    if (Status s = list("detect", language_.detect); !s) return s;
    if (node_["compile"]) {
      if (Status s = list("compile", language_.compile); !s) return s;
    }
    return list("run", language_.run);
  }

  Status names() {
    if (!is_name(language_.name)) {
      return yaml_.error_at(node_, field_, "\"" + language_.name + "\" is no name",
                            "A language's name is 1 to 64 of A-Za-z0-9_.-");
    }
    if (!is_name(language_.source) || language_.source == "." || language_.source == "..") {
      return wrong("source", "must be a plain file name, such as main.py");
    }
    for (const std::string& extension : language_.extensions) {
      if (!is_name(extension) || extension[0] == '.') {
        return wrong("extensions", "must be extensions without the dot: [py]");
      }
    }
    return {};
  }

  Status commands() {
    if (language_.detect[0][0] != '/') return wrong("detect", "must begin with an absolute path");
    if (!language_.compile.empty()) return compiled_commands();
    if (language_.run[0][0] != '/') return wrong("run", "must begin with an absolute path");
    if (has_place(language_.run, kSourcePlace)) return {};
    return wrong("run", "must have {source} where the program's path goes");
  }

  Status compiled_commands() {
    const std::vector<std::string>& compile = language_.compile;
    if (compile[0][0] != '/') return wrong("compile", "must begin with an absolute path");
    if (!has_place(compile, kSourcePlace) || !has_place(compile, kOutputPlace)) {
      return wrong("compile", "must have {source}, and {output} where the compiled program goes");
    }
    if (!language_.run[0].starts_with('/') && language_.run[0] != kProgramPlace) {
      return wrong("run", "must begin with {program} or an absolute path");
    }
    if (has_place(language_.run, kProgramPlace)) return {};
    return wrong("run", "must have {program} where the compiled program's path goes");
  }

  Status both_limits() {
    if (Status s = limits("limits", language_.limits); !s) return s;
    if (node_["compile_limits"] && language_.compile.empty()) {
      return wrong("compile_limits", "stands here, but nothing is compiled");
    }
    return limits("compile_limits", language_.compile_limits);
  }

  Status limits(std::string_view name, model::LimitsRequest& into) {
    const YAML::Node map = node_[std::string(name)];
    if (!map) return {};
    if (!map.IsMap()) return wrong(name, "must be a map of limits: {processes: 32}");
    for (const auto& entry : map) {
      int64_t value = 0;
      if (!entry.second.IsScalar() || !YAML::convert<int64_t>::decode(entry.second, value)) {
        return wrong(name, "must have whole numbers: {processes: 32}");
      }
      if (Status s = into.set(entry.first.Scalar(), value); !s) {
        return yaml_.error_at(entry.first, key(name), s.error().message, s.error().hint);
      }
    }
    return {};
  }

  Status syscalls() {
    if (!node_["syscalls"]) return {};
    std::string name;
    if (Status s = text("syscalls", name); !s) return s;
    const auto profile = model::parse_syscall_profile(name);
    if (!profile) return wrong("syscalls", "must be one of " + profile_names());
    language_.syscalls = *profile;
    return {};
  }

  Status warm() {
    const YAML::Node map = node_["warm"];
    if (!map) return {};
    if (!map.IsMap() || map.size() == 0) return wrong("warm", "must have an entry for each image");
    const std::vector<std::string> plain = {language_.run[0], std::string(kSourcePlace)};
    if (language_.run != plain) {
      return wrong("warm", "needs a run command of the interpreter and {source} alone");
    }
    for (const auto& entry : map) {
      auto image = warm_image(entry.first.Scalar(), entry.second);
      if (!image) return std::move(image).error();
      language_.warm.push_back(std::move(*image));
    }
    return {};
  }

  Result<WarmImage> warm_image(const std::string& name, const YAML::Node& node) const {
    const std::string field = key("warm") + "." + name;
    if (Status s = yaml_.check_map(node, field, kWarmKeys, kWarmOptionalKeys); !s) return s.error();
    WarmImage image;
    image.name = name;
    auto imports = yaml_.texts_of(node["imports"], field + ".imports");
    if (!imports) return std::move(imports).error();
    image.imports = std::move(*imports);
    for (const std::string& module : image.imports) {
      if (is_name(module)) continue;
      return yaml_.error_at(node["imports"], field + ".imports",
                            "\"" + module + "\" is no module's name");
    }
    if (!node["when"]) return image;
    auto when = yaml_.texts_of(node["when"], field + ".when");
    if (!when) return std::move(when).error();
    image.when = std::move(*when);
    return image;
  }

  Status env() {
    const YAML::Node env = node_["env"];
    if (!env) return {};
    if (!env.IsMap()) return wrong("env", "must be a map of variables: {NAME: value}");
    for (const auto& entry : env) {
      if (!is_variable(entry.first.Scalar()) || !entry.second.IsScalar()) {
        return wrong("env", "must be a map of variables: {NAME: value}");
      }
      language_.env.emplace_back(entry.first.Scalar(), entry.second.Scalar());
    }
    return {};
  }

  const YamlText& yaml_;
  std::string field_;
  YAML::Node node_;
  Language language_;
};

// The extension that two languages claim, or "".
std::string shared_extension(const std::vector<Language>& languages, const Language& added) {
  for (const Language& language : languages) {
    for (const std::string& extension : added.extensions) {
      if (std::find(language.extensions.begin(), language.extensions.end(), extension) !=
          language.extensions.end()) {
        return extension;
      }
    }
  }
  return "";
}

}  // namespace

uint32_t image_for(const Language& language, std::string_view code) {
  uint32_t number = 0;
  for (const WarmImage& image : language.warm) {
    const bool asked = std::ranges::any_of(image.when, [code](const std::string& word) {
      return code.find(word) != std::string_view::npos;
    });
    if (asked || (image.when.empty() && number == 0)) number = image.number;
  }
  return number;
}

const Language* Languages::find(std::string_view name) const {
  const auto found = std::find_if(languages_.begin(), languages_.end(),
                                  [name](const Language& l) { return l.name == name; });
  return found == languages_.end() ? nullptr : &*found;
}

const Language* Languages::find_by_extension(std::string_view extension) const {
  for (const Language& language : languages_) {
    const auto& all = language.extensions;
    if (std::find(all.begin(), all.end(), extension) != all.end()) return &language;
  }
  return nullptr;
}

std::string Languages::names() const {
  std::vector<std::string> sorted;
  for (const Language& language : languages_) {
    if (language.name != kNoop) sorted.push_back(language.name);
  }
  std::sort(sorted.begin(), sorted.end());
  std::string names;
  for (const std::string& name : sorted) names += (names.empty() ? "" : " ") + name;
  return names;
}

Result<Languages> parse_languages(std::string_view text, std::string_view origin) {
  auto yaml = YamlText::parse(text, origin);
  if (!yaml) return std::move(yaml).error();
  if (Status s = yaml->check_map(yaml->root(), "", kTopKeys, {}); !s) return std::move(s).error();
  const YAML::Node map = yaml->root()["languages"];
  if (!map.IsMap() || map.size() == 0) {
    return yaml->error_at(map, "languages", "\"languages\" must have an entry for each language");
  }
  Languages languages;
  uint32_t images = 0;
  for (const auto& entry : map) {
    auto language = EntryReader(*yaml, entry.first.Scalar(), entry.second).read();
    if (!language) return std::move(language).error();
    if (const auto shared = shared_extension(languages.languages_, *language); !shared.empty()) {
      return yaml->error_at(entry.first, "languages." + language->name + ".extensions",
                            "the extension \"" + shared + "\" belongs to another language already");
    }
    for (WarmImage& image : language->warm) image.number = ++images;
    languages.languages_.push_back(std::move(*language));
  }
  return languages;
}

Result<Languages> load_languages(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    return errno_error(ErrorCode::io_error, "read the languages file " + path, errno);
  }
  return parse_languages(text.str(), path);
}

Languages default_languages() {
  // A test reads the built-in text, so it cannot be wrong here.
  return parse_languages(kBuiltinLanguages, "built-in languages").value();
}

Languages only(const Language& language) {
  Languages languages;
  languages.languages_.push_back(language);
  return languages;
}

Language noop_language() {
  Language noop;
  noop.name = kNoop;
  noop.source = "main";
  noop.run = {noop.name};
  return noop;
}

Languages with_noop(Languages languages) {
  languages.languages_.push_back(noop_language());
  return languages;
}

}  // namespace kiln::config
