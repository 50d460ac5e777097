// Theory of operation. encode() walks a message's field list and writes each field that is present.
// decode() first lets check_bytes look over the whole message, then finds "v" and "t" wherever they
// stand in the map, picks the variant's alternative by its tag, and reads that struct over the same
// map. Nothing here knows a message: the lists of protocol_fields.h and the variants are all.
#include "net/codec.h"

#include <optional>
#include <utility>

#include "net/codec_check.h"
#include "net/codec_cursor.h"
#include "net/codec_values.h"
#include "net/codec_writer.h"

namespace kiln::net {
namespace {

constexpr std::string_view kVersionKey = "v";
constexpr std::string_view kTagKey = "t";
constexpr std::string_view kRidKey = "rid";

template <class Variant>
std::string encode_message(const Variant& message) {
  return std::visit(
      [](const auto& m) {
        using M = std::decay_t<decltype(m)>;
        Writer out;
        out.map(2 + count_present(m));
        out.text(kVersionKey);
        out.number(kProtocolVersion);
        out.text(kTagKey);
        out.text(Message<M>::tag);
        write_fields(out, m);
        return out.take();
      },
      message);
}

// The value of `key` in the message's own map, nil if it has none.
Item find_in_map(std::string_view bytes, std::string_view key) {
  Cursor in(bytes);
  const Item map = in.next();
  if (map.type != Item::Type::map) return {};
  for (size_t i = 0; i < map.number; ++i) {
    if (in.next().bytes == key) return in.next();
    in.skip();
  }
  return {};
}

// The readers' sentences begin after the field's name.
Error finish(Error error) {
  error.message = (error.field.empty() ? "it" : error.field) + " " + error.message;
  return error;
}

template <class T>
Result<T> read_whole(std::string_view bytes) {
  Cursor in(bytes);
  T out;
  if (Status s = read(in, out, Rule{}); !s) return finish(std::move(s).error());
  return out;
}

Status check_version(std::string_view bytes) {
  const Item version = find_in_map(bytes, kVersionKey);
  if (version.type == Item::Type::positive && version.number == kProtocolVersion) return {};
  const std::string shown =
      version.type == Item::Type::positive ? std::to_string(version.number) : "missing";
  return Error{ErrorCode::unsupported, "the protocol version 'v' is " + shown, "v", "",
               "This end speaks version " + std::to_string(kProtocolVersion)};
}

template <class Variant, size_t... I>
std::string known_tags(std::index_sequence<I...>) {
  std::string out = "Known:";
  ((out += ' ', out += Message<std::variant_alternative_t<I, Variant>>::tag), ...);
  return out;
}

template <class Variant>
Error unknown_tag(const Item& tag) {
  constexpr auto kAll = std::make_index_sequence<std::variant_size_v<Variant>>();
  std::string message = "the message has no tag 't'";
  if (tag.is_text()) {
    message = "there is no message '" + shown(tag.bytes) + "' here";
  }
  return {ErrorCode::unsupported, std::move(message), "t", "", known_tags<Variant>(kAll)};
}

template <class M, class Variant>
bool read_if_tagged(std::string_view bytes, std::string_view tag,
                    std::optional<Result<Variant>>& out) {
  if (tag != Message<M>::tag) return false;
  auto message = read_whole<M>(bytes);
  if (message.ok()) {
    out.emplace(Variant(std::move(message).value()));
  } else {
    out.emplace(std::move(message).error());
  }
  return true;
}

template <class Variant, size_t... I>
Result<Variant> read_alternative(std::string_view bytes, const Item& tag,
                                 std::index_sequence<I...>) {
  std::optional<Result<Variant>> out;
  const bool known =
      tag.is_text() &&
      (read_if_tagged<std::variant_alternative_t<I, Variant>>(bytes, tag.bytes, out) || ...);
  if (!known) return unknown_tag<Variant>(tag);
  return *std::move(out);
}

template <class Variant>
Result<Variant> decode_message(std::string_view bytes) {
  if (Status s = check_bytes(bytes); !s) return std::move(s).error();
  if (Cursor(bytes).next().type != Item::Type::map) {
    return Error{ErrorCode::malformed, "this is no message of the protocol", "",
                 "a message is a map, but this is " + std::string(describe(Cursor(bytes).next())),
                 ""};
  }
  if (Status s = check_version(bytes); !s) return std::move(s).error();
  constexpr auto kAll = std::make_index_sequence<std::variant_size_v<Variant>>();
  return read_alternative<Variant>(bytes, find_in_map(bytes, kTagKey), kAll);
}

template <class T>
std::string encode_part(const T& value) {
  Writer out;
  write(out, value, Rule{});
  return out.take();
}

template <class T>
Result<T> decode_part(std::string_view bytes) {
  if (Status s = check_bytes(bytes); !s) return std::move(s).error();
  return read_whole<T>(bytes);
}

}  // namespace

std::string encode(const FromClient& message) { return encode_message(message); }
std::string encode(const ToClient& message) { return encode_message(message); }
std::string encode(const model::FromWorker& message) { return encode_message(message); }
std::string encode(const model::ToWorker& message) { return encode_message(message); }

Result<FromClient> decode_from_client(std::string_view bytes) {
  return decode_message<FromClient>(bytes);
}
Result<ToClient> decode_to_client(std::string_view bytes) {
  return decode_message<ToClient>(bytes);
}
Result<model::FromWorker> decode_from_worker(std::string_view bytes) {
  return decode_message<model::FromWorker>(bytes);
}
Result<model::ToWorker> decode_to_worker(std::string_view bytes) {
  return decode_message<model::ToWorker>(bytes);
}

uint64_t peek_rid(std::string_view bytes) {
  if (!check_bytes(bytes).ok()) return 0;
  const Item rid = find_in_map(bytes, kRidKey);
  return rid.type == Item::Type::positive ? rid.number : 0;
}

std::string encode_program(const model::Program& program) { return encode_part(program); }
Result<model::Program> decode_program(std::string_view bytes) {
  return decode_part<model::Program>(bytes);
}
std::string encode_result(const model::TaskResult& result) { return encode_part(result); }
Result<model::TaskResult> decode_result(std::string_view bytes) {
  return decode_part<model::TaskResult>(bytes);
}

}  // namespace kiln::net
