#include "net/codec_check.h"

#include <algorithm>
#include <cstdint>
#include <msgpack.hpp>
#include <optional>
#include <string>
#include <vector>

#include "net/protocol.h"

namespace kiln::net {
namespace {

// Watches msgpack's parser and stops it at the first thing out of bounds. `spent_` is the fewest
// bytes that what was seen can have taken, `owed_` how many values the open containers still claim:
// each takes at least a byte, so spent + owed above the size is a lie.
class CheckVisitor : public msgpack::null_visitor {
 public:
  explicit CheckVisitor(size_t size) : size_(size) {}

  bool visit_nil() { return scalar(0); }
  bool visit_boolean(bool /*v*/) { return scalar(0); }
  bool visit_positive_integer(uint64_t /*v*/) { return scalar(0); }
  bool visit_negative_integer(int64_t /*v*/) { return scalar(0); }
  bool visit_float32(float /*v*/) { return scalar(4); }
  bool visit_float64(double /*v*/) { return scalar(8); }
  bool visit_ext(const char* /*v*/, uint32_t size) { return scalar(size); }
  bool visit_str(const char* v, uint32_t size) { return text(v, size); }
  bool visit_bin(const char* v, uint32_t size) { return text(v, size); }

  bool start_array(uint32_t count) {
    if (count > kMaxListItems) {
      return large("an array of " + std::to_string(count) + " entries", kMaxListItems);
    }
    return open(count);
  }
  bool end_array() { return close(); }
  bool start_map(uint32_t pairs) {
    if (pairs > kMaxMapItems) {
      return large("a map of " + std::to_string(pairs) + " entries", kMaxMapItems);
    }
    first_key_.push_back(keys_.size());
    return open(size_t{2} * pairs);
  }
  bool start_map_key() {
    in_key_ = true;
    return true;
  }
  bool end_map_key() {
    in_key_ = false;
    return true;
  }
  bool end_map() {
    const auto first = keys_.begin() + static_cast<std::ptrdiff_t>(first_key_.back());
    std::sort(first, keys_.end());
    const bool twice = std::adjacent_find(first, keys_.end()) != keys_.end();
    keys_.erase(first, keys_.end());
    first_key_.pop_back();
    if (twice) return stop("a key stands twice in one map");
    return close();
  }
  void parse_error(size_t /*parsed*/, size_t at) {
    stop("not msgpack at byte " + std::to_string(at));
  }
  void insufficient_bytes(size_t /*parsed*/, size_t at) {
    stop("cut off at byte " + std::to_string(at));
  }

  const std::optional<Error>& error() const { return error_; }

 private:
  bool stop(std::string why) {
    if (!error_) {
      error_ =
          Error{ErrorCode::malformed, "this is no message of the protocol", "", std::move(why), ""};
    }
    return false;
  }
  bool large(const std::string& what, size_t maximum) {
    error_ = Error{ErrorCode::too_large, "the message has " + what, "", "",
                   "At most " + std::to_string(maximum) + " are accepted"};
    return false;
  }
  bool scalar(size_t bytes) {
    if (in_key_) return stop("the key of a map is not a string");
    return value(bytes);
  }
  bool text(const char* v, uint32_t size) {
    if (in_key_) keys_.emplace_back(v, size);
    return value(size);
  }
  bool value(size_t bytes) {
    if (owed_ > 0) --owed_;
    spent_ += 1 + bytes;
    return fits();
  }
  bool open(size_t count) {
    if (in_key_) return stop("the key of a map is not a string");
    if (++depth_ > kMaxDepth) {
      return stop("nested deeper than " + std::to_string(kMaxDepth));
    }
    if (owed_ > 0) --owed_;
    ++spent_;
    owed_ += count;
    items_ += count;
    if (items_ > kMaxItems) return large(std::to_string(items_) + " values", kMaxItems);
    return fits();
  }
  bool close() {
    --depth_;
    return true;
  }
  bool fits() {
    return spent_ + owed_ <= size_ || stop("a header claims more than the message holds");
  }

  size_t size_;
  size_t spent_ = 0;
  size_t owed_ = 0;
  size_t items_ = 0;
  size_t depth_ = 0;
  bool in_key_ = false;
  std::vector<std::string_view> keys_;  // of the open maps, outermost first
  std::vector<size_t> first_key_;       // where each open map's keys begin
  std::optional<Error> error_;
};

Error malformed(std::string why) {
  return {ErrorCode::malformed, "this is no message of the protocol", "", std::move(why), ""};
}

}  // namespace

Status check_bytes(std::string_view bytes) {
  if (bytes.empty()) return malformed("it is empty");
  if (bytes.size() > kMaxMessageBytes) {
    return Error{ErrorCode::too_large, "the message has " + std::to_string(bytes.size()) + " bytes",
                 "", "", "At most " + std::to_string(kMaxMessageBytes) + " are accepted"};
  }
  CheckVisitor visitor(bytes.size());
  size_t end = 0;
  const bool whole = msgpack::parse(bytes.data(), bytes.size(), end, visitor);
  if (visitor.error()) return *visitor.error();
  if (!whole) return malformed("not msgpack");
  if (end != bytes.size()) return malformed("bytes follow after its end");
  return {};
}

}  // namespace kiln::net
