// Appends msgpack values to a string. Knows nothing of messages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace kiln::net {

class Writer {
 public:
  void map(size_t entries);
  void array(size_t entries);
  void text(std::string_view value);
  void bytes(std::string_view value);
  void number(uint64_t value);
  void signed_number(int64_t value);
  void boolean(bool value);

  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

}  // namespace kiln::net
