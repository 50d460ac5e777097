#include "net/codec_cursor.h"

#include <algorithm>

namespace kiln::net {
namespace {

using Type = Item::Type;

Item number(uint64_t value) { return {Type::positive, value, {}}; }
Item signed_number(int64_t value) {
  return {value < 0 ? Type::negative : Type::positive, static_cast<uint64_t>(value), {}};
}

}  // namespace

std::string_view describe(const Item& item) {
  switch (item.type) {
    case Type::nil:
      return "nil";
    case Type::boolean:
      return "true or false";
    case Type::positive:
      return "a whole number";
    case Type::negative:
      return "a negative number";
    case Type::real:
      return "a floating-point number";
    case Type::str:
      return "a string";
    case Type::bin:
      return "bytes";
    case Type::ext:
      return "an extension type";
    case Type::array:
      return "an array";
    case Type::map:
      return "a map";
  }
  return "unknown";
}

std::string_view Cursor::take(uint64_t count) {
  const std::string_view out = rest_.substr(0, static_cast<size_t>(count));
  rest_.remove_prefix(out.size());
  return out;
}

uint64_t Cursor::big_endian(size_t width) {
  uint64_t value = 0;
  for (const char c : take(width)) value = value << 8U | static_cast<uint8_t>(c);
  return value;
}

Item Cursor::next() {
  if (rest_.empty()) return {};
  const auto mark = static_cast<uint8_t>(take(1).front());
  if (mark < 0x80) return number(mark);
  if (mark < 0x90) return {Type::map, mark & 0x0FU, {}};
  if (mark < 0xA0) return {Type::array, mark & 0x0FU, {}};
  if (mark < 0xC0) return {Type::str, 0, take(mark & 0x1FU)};
  if (mark >= 0xE0) return signed_number(static_cast<int8_t>(mark));
  return marked(mark);
}

// The marks 0xC0 to 0xDF.
Item Cursor::marked(uint8_t mark) {
  switch (mark) {
    case 0xC2:
    case 0xC3:
      return {Type::boolean, mark & 1U, {}};
    case 0xC4:
    case 0xC5:
    case 0xC6:
      return {Type::bin, 0, take(big_endian(size_t{1} << (mark - 0xC4U)))};
    case 0xC7:
    case 0xC8:
    case 0xC9:  // the content is preceded by a type byte
      return {Type::ext, 0, take(big_endian(size_t{1} << (mark - 0xC7U)) + 1)};
    case 0xCA:
      return {Type::real, 0, take(4)};
    case 0xCB:
      return {Type::real, 0, take(8)};
    case 0xCC:
    case 0xCD:
    case 0xCE:
    case 0xCF:
      return number(big_endian(size_t{1} << (mark - 0xCCU)));
    case 0xD0:
      return signed_number(static_cast<int8_t>(big_endian(1)));
    case 0xD1:
      return signed_number(static_cast<int16_t>(big_endian(2)));
    case 0xD2:
      return signed_number(static_cast<int32_t>(big_endian(4)));
    case 0xD3:
      return signed_number(static_cast<int64_t>(big_endian(8)));
    case 0xD4:
    case 0xD5:
    case 0xD6:
    case 0xD7:
    case 0xD8:  // fixext 1 to 16, preceded by a type byte
      return {Type::ext, 0, take((uint64_t{1} << (mark - 0xD4U)) + 1)};
    case 0xD9:
    case 0xDA:
    case 0xDB:
      return {Type::str, 0, take(big_endian(size_t{1} << (mark - 0xD9U)))};
    case 0xDC:
    case 0xDD:
      return {Type::array, big_endian(size_t{2} << (mark - 0xDCU)), {}};
    case 0xDE:
    case 0xDF:
      return {Type::map, big_endian(size_t{2} << (mark - 0xDEU)), {}};
    default:  // 0xC0 nil, 0xC1 never used
      return {};
  }
}

void Cursor::skip() {
  uint64_t owed = 1;
  while (owed > 0 && !rest_.empty()) {
    const Item item = next();
    --owed;
    if (item.type == Type::array) owed += item.number;
    if (item.type == Type::map) owed += 2 * item.number;
  }
}

}  // namespace kiln::net
