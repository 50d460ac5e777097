// Errors are values. An Error has a stable code for programs, a sentence for a person, the cause as
// the system told it, and what to do next. Result<T> is a T or an Error; Status is success or an
// Error. Neither throws. Values are immutable once returned and may cross threads.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace kiln {

// The one list of error codes: C++ name (also the word on the wire, in JSON and in logs).
#define KILN_ERROR_CODES(X)                                                                \
  X(invalid_argument) /* a field is wrong; `field` names it */                             \
  X(unknown_language) /* no such language, or no worker has it */                          \
  X(too_large)        /* a size or count is above its bound */                             \
  X(not_found)        /* no such task, queue or worker (or not yours) */                   \
  X(conflict)         /* same task id, other body; or not possible in this state */        \
  X(unsupported)      /* unknown message type, version or feature */                       \
  X(malformed)        /* bytes that are no message of ours */                              \
  X(unauthorized)     /* the peer may not do this */                                       \
  X(busy)             /* a bound is reached or the store cannot commit; try again later */ \
  X(unavailable)      /* nobody answers there */                                           \
  X(timeout)          /* no answer within the time given */                                \
  X(io_error)         /* a file, socket or store failed */                                 \
  X(corrupt)          /* stored data is damaged or of another version */                   \
  X(sandbox)          /* a cell could not be made complete */                              \
  X(internal)         /* our own mistake */

enum class ErrorCode {
#define KILN_X(name) name,
  KILN_ERROR_CODES(KILN_X)
#undef KILN_X
};

std::string_view to_string(ErrorCode code);
std::optional<ErrorCode> parse_error_code(std::string_view name);

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;  // one sentence: what is wrong
  std::string field;    // the field at fault, "" if none
  std::string cause;    // as told by the system or library, "" if none
  std::string hint;     // what to do next, "" if nothing helps

  // "message: cause. hint", on one line.
  std::string text() const;

  bool operator==(const Error&) const = default;
};

// An Error whose cause is errno's text. `what` says what was tried ("open /x").
Error errno_error(ErrorCode code, std::string_view what, int error_number);
Error field_error(std::string_view field, std::string message, std::string hint = "");

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit by intent
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit by intent

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Precondition of value(): ok(); of error(): !ok(). Breaking one ends the process.
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, Error> state_;
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(std::move(error)) {}  // NOLINT: implicit by intent

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const& { return *error_; }
  Error&& error() && { return *std::move(error_); }

 private:
  std::optional<Error> error_;
};

}  // namespace kiln
