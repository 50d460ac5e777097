#include "base/error.h"

#include <array>
#include <cstring>

namespace kiln {
namespace {

struct CodeName {
  ErrorCode code;
  std::string_view name;
};

constexpr std::array kCodes = {
#define KILN_X(name) CodeName{ErrorCode::name, #name},
    KILN_ERROR_CODES(KILN_X)
#undef KILN_X
};

}  // namespace

std::string_view to_string(ErrorCode code) { return kCodes.at(static_cast<size_t>(code)).name; }

std::optional<ErrorCode> parse_error_code(std::string_view name) {
  for (const CodeName& entry : kCodes) {
    if (entry.name == name) return entry.code;
  }
  return std::nullopt;
}

std::string Error::text() const {
  std::string out = message;
  if (!cause.empty()) out += ": " + cause;
  if (!hint.empty()) out += (out.ends_with('.') ? " " : ". ") + hint;
  return out;
}

Error errno_error(ErrorCode code, std::string_view what, int error_number) {
  std::array<char, 128> buffer{};
  // The GNU form: returns the text, which may or may not be in the buffer (strerror(3)).
  const char* text = strerror_r(error_number, buffer.data(), buffer.size());
  return Error{code, "cannot " + std::string(what), "", text, ""};
}

Error field_error(std::string_view field, std::string message, std::string hint) {
  return Error{ErrorCode::invalid_argument, std::move(message), std::string(field), "",
               std::move(hint)};
}

}  // namespace kiln
