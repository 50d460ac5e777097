#include "net/codec_writer.h"

#include <msgpack.hpp>

namespace kiln::net {
namespace {

// What msgpack's packer writes to.
struct Sink {
  std::string& out;
  void write(const char* data, size_t size) { out.append(data, size); }
};

template <class Pack>
void pack(std::string& out, Pack pack_into) {
  Sink sink{out};
  msgpack::packer<Sink> packer(sink);
  pack_into(packer);
}

}  // namespace

void Writer::map(size_t entries) {
  pack(out_, [&](auto& p) { p.pack_map(static_cast<uint32_t>(entries)); });
}
void Writer::array(size_t entries) {
  pack(out_, [&](auto& p) { p.pack_array(static_cast<uint32_t>(entries)); });
}
void Writer::text(std::string_view value) {
  pack(out_, [&](auto& p) {
    p.pack_str(static_cast<uint32_t>(value.size()));
    p.pack_str_body(value.data(), static_cast<uint32_t>(value.size()));
  });
}
void Writer::bytes(std::string_view value) {
  pack(out_, [&](auto& p) {
    p.pack_bin(static_cast<uint32_t>(value.size()));
    p.pack_bin_body(value.data(), static_cast<uint32_t>(value.size()));
  });
}
void Writer::number(uint64_t value) {
  pack(out_, [&](auto& p) { p.pack_uint64(value); });
}
void Writer::signed_number(int64_t value) {
  pack(out_, [&](auto& p) { p.pack_int64(value); });
}
void Writer::boolean(bool value) {
  pack(out_, [&](auto& p) { value ? p.pack_true() : p.pack_false(); });
}

}  // namespace kiln::net
