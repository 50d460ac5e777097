#include "sandbox/artifacts.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <array>
#include <string>
#include <string_view>
#include <system_error>

#include "model/task.h"
#include "sandbox/memory_file.h"

namespace kiln::sandbox {
namespace {

constexpr std::array<std::string_view, kRefusalCount> kWords = {"",
#define KILN_X(name, words) words,
                                                                KILN_ARTIFACT_REFUSALS(KILN_X)
#undef KILN_X
};
constexpr std::string_view kHexDigits = "0123456789abcdef";

// Readable memory of a sealed file, for as long as this lives.
class Mapping {
 public:
  explicit Mapping(const UniqueFd& fd) {
    struct stat status {};
    if (!is_sealed(fd.get()) || ::fstat(fd.get(), &status) != 0) return;
    size_ = static_cast<size_t>(status.st_size);
    sound_ = true;
    if (size_ == 0) return;
    memory_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    sound_ = memory_ != MAP_FAILED;
  }
  ~Mapping() {
    if (sound_ && size_ > 0) ::munmap(memory_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  bool sound() const { return sound_; }
  std::string_view bytes() const {
    return size_ == 0 ? std::string_view() : std::string_view(static_cast<char*>(memory_), size_);
  }

 private:
  void* memory_ = nullptr;
  size_t size_ = 0;
  bool sound_ = false;
};

std::string shown(std::string_view path) {
  const bool text = model::is_utf8(path);
  std::string out;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7F && (text || byte < 0x80)) {
      out.push_back(c);
    } else {
      out += {'\\', 'x', kHexDigits[byte >> 4U], kHexDigits[byte & 0xFU]};
    }
  }
  return out;
}

std::string more_words(const wire::ArtifactView& refused, const wire::Run& run) {
  switch (refused.refusal) {
    case Refusal::too_large:
      return " (" + std::to_string(refused.size) + " bytes; the most is " +
             std::to_string(run.collect_file_bytes) + ")";
    case Refusal::too_many:
      return " (artifact_files: " + std::to_string(run.limits.artifact_files) + ")";
    case Refusal::too_much:
      return " (artifact_bytes: " + std::to_string(run.limits.artifact_bytes) + ")";
    case Refusal::unreadable:
      return " (" + std::system_category().message(static_cast<int>(refused.size)) + ")";
    default:
      return "";
  }
}

}  // namespace

std::string refusal_line(const wire::ArtifactView& refused, const wire::Run& run) {
  const std::string words(kWords.at(static_cast<size_t>(refused.refusal)));
  if (refused.refusal == Refusal::not_listed)
    return std::to_string(refused.size) + " more were refused";
  const std::string name = refused.path.empty() ? "/box/out" : shown(refused.path);
  return name + ": " + words + more_words(refused, run);
}

void add_artifacts(UniqueFd copy, const wire::Run& run, model::TaskResult& result) {
  const Mapping mapping(copy);
  const auto views = mapping.sound() ? wire::read_artifacts(mapping.bytes())
                                     : Result<std::vector<wire::ArtifactView>>(errno_error(
                                           ErrorCode::sandbox, "read the artifacts", errno));
  if (!views) {
    result.verdict = model::Verdict::infrastructure_error;
    result.message = views.error().text();
    return;
  }
  for (const wire::ArtifactView& view : *views) {
    if (view.refusal != Refusal::none) {
      result.artifacts_refused.push_back(refusal_line(view, run));
    } else {
      result.artifacts.push_back({std::string(view.path), view.size, std::string(view.bytes)});
    }
  }
}

}  // namespace kiln::sandbox
