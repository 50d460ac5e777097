// Reads the values of a message one after the other, straight from its bytes. msgpack's own object
// tree takes 24 bytes for each value, however small, so a peer could make 16 MB into 400; a cursor
// takes none. It is for bytes that check_bytes accepted; beyond their end it yields nil.
#pragma once

#include <cstdint>
#include <string_view>

namespace kiln::net {

// The format's names (github.com/msgpack/msgpack/blob/master/spec.md).
struct Item {
  enum class Type : uint8_t { nil, boolean, positive, negative, real, str, bin, ext, array, map };
  Type type = Type::nil;
  uint64_t number = 0;     // boolean, positive; negative: two's complement; array, map: entries
  std::string_view bytes;  // str, bin, ext

  bool is_text() const { return type == Type::str || type == Type::bin; }
};

// For errors: "a string".
std::string_view describe(const Item& item);

class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}

  // The next value's header and, for all but containers, its content.
  Item next();
  // Passes over one value with all that is in it.
  void skip();

 private:
  uint64_t big_endian(size_t width);
  std::string_view take(uint64_t count);
  Item marked(uint8_t mark);

  std::string_view rest_;
};

}  // namespace kiln::net
