// Bytes that are no message: each is refused with the right code and, where a field is at fault,
// its name. Nothing crashes or allocates by what a header claims.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "net/codec.h"
#include "net/codec_writer.h"
#include "tests/net/samples.h"

namespace kiln::net {
namespace {

using namespace std::string_literals;

struct Case {
  std::string what;
  std::string bytes;
  ErrorCode code;
  std::string field = {};
};

// A message with the tag and what `more` writes (`fields` pairs).
template <class More>
std::string message(std::string_view tag, size_t fields, More more) {
  Writer out;
  out.map(2 + fields);
  out.text("v");
  out.number(1);
  out.text("t");
  out.text(tag);
  more(out);
  return out.take();
}

// A submit whose task has language, code and the one further field.
template <class More>
std::string submit(std::string_view name, More value) {
  return message("submit", 1, [&](Writer& out) {
    out.text("task");
    out.map(3);
    out.text("language");
    out.text("python");
    out.text("code");
    out.text("pass");
    out.text(name);
    value(out);
  });
}

std::string limit(std::string_view name, int64_t value) {
  return submit("limits", [&](Writer& out) {
    out.map(1);
    out.text(name);
    out.signed_number(value);
  });
}

std::string nested(size_t depth) { return std::string(depth, '\x91') + "\x01"; }

void expect_refused(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    const auto decoded = decode_from_client(c.bytes);
    ASSERT_FALSE(decoded.ok());
    EXPECT_EQ(decoded.error().code, c.code) << decoded.error().text();
    EXPECT_EQ(decoded.error().field, c.field) << decoded.error().text();
    EXPECT_FALSE(decoded.error().message.empty());
    EXPECT_TRUE(model::is_utf8(decoded.error().text()));
  }
}

TEST(Malformed, Bytes) {
  const std::string good = "\x82\xA1v\x01\xA1t\xA4ping"s;
  ASSERT_TRUE(decode_from_client(good).ok());
  const auto bad = ErrorCode::malformed;
  expect_refused({
      {"empty", "", bad},
      {"never used mark", "\xC1"s, bad},
      {"no map", "\x01"s, bad},
      {"two objects", good + "\x01", bad},
      {"array of 2^32-1", "\x82\xA1v\x01\xA1t\xDD\xFF\xFF\xFF\xFF"s, ErrorCode::too_large},
      {"map of 2^32-1", "\xDF\xFF\xFF\xFF\xFF"s, ErrorCode::too_large},
      {"string of 2^32-1", "\x81\xA1v\xDB\xFF\xFF\xFF\xFF"s, bad},
      {"bytes of 2^32-1", "\x81\xA1v\xC6\xFF\xFF\xFF\xFF"s, bad},
      {"extension of 2^32-1", "\x81\xA1v\xC9\xFF\xFF\xFF\xFF"s, bad},
      {"array that claims more than is left", "\x81\xA1v\xDC\x20\x00"s, bad},
      {"17 deep", nested(17), bad},
      {"10,000 deep", nested(10'000), bad},
      {"number as key", "\x81\x01\x01"s, bad},
      {"array as key", "\x81\x90\x01"s, bad},
      {"key twice", "\x83\xA1v\x01\xA1t\xA4ping\xA1v\x01"s, bad},
      {"key twice, once as bytes", "\x83\xA1v\x01\xA1t\xA4ping\xC4\x01v\x01"s, bad},
      {"key twice inside", "\x83\xA1v\x01\xA1t\xA4ping\xA1x\x82\xA1y\x01\xA1y\x01"s, bad},
  });
}

TEST(Malformed, SizeIsCheckedFirst) {
  const std::string large(kMaxMessageBytes + 1, '\x01');
  expect_refused({{"16 MB and a byte", large, ErrorCode::too_large}});
}

TEST(Malformed, DepthSixteenIsAccepted) {
  const std::string bytes = "\x83\xA1v\x01\xA1t\xA4ping\xA1x"s + nested(15);
  EXPECT_TRUE(decode_from_client(bytes).ok());
  EXPECT_FALSE(decode_from_client("\x83\xA1v\x01\xA1t\xA4ping\xA1x"s + nested(16)).ok());
}

TEST(Malformed, VersionAndTag) {
  const auto no = ErrorCode::unsupported;
  expect_refused({
      {"no version", "\x81\xA1t\xA4ping"s, no, "v"},
      {"version 2", "\x82\xA1v\x02\xA1t\xA4ping"s, no, "v"},
      {"version as string", "\x82\xA1v\xA1" + "1\xA1t\xA4ping"s, no, "v"},
      {"no tag", "\x81\xA1v\x01"s, no, "t"},
      {"tag as number", "\x82\xA1v\x01\xA1t\x01"s, no, "t"},
      {"unknown tag", "\x82\xA1v\x01\xA1t\xA4pong"s, no, "t"},
      {"a worker's tag", "\x82\xA1v\x01\xA1t\xA9heartbeat"s, no, "t"},
      {"tag that is no text", "\x82\xA1v\x01\xA1t\xA2\xFF\n"s, no, "t"},
  });
}

TEST(Malformed, Fields) {
  const auto bad = ErrorCode::invalid_argument;
  const auto text = [](std::string_view v) { return [=](Writer& out) { out.text(v); }; };
  const auto number = [](int64_t v) { return [=](Writer& out) { out.signed_number(v); }; };
  const auto none = [](Writer&) {};
  expect_refused({
      {"task missing", message("submit", 0, none), bad, "task"},
      {"id missing", message("status", 0, none), bad, "id"},
      {"priority as text", submit("priority", text("5")), bad, "task.priority"},
      {"priority 2^40", submit("priority", number(int64_t{1} << 40U)), bad, "task.priority"},
      {"id no UUID", submit("id", text("12")), bad, "task.id"},
      {"queue not UTF-8", submit("queue", text("\xC0\xAF")), bad, "task.queue"},
      {"wait as number", submit("wait", number(1)), bad, "task.wait"},
      {"args no array", submit("args", number(1)), bad, "task.args"},
      {"retry_on unknown",
       submit("retry_on",
              [](Writer& out) {
                out.array(2);
                out.text("timeout");
                out.text("moon");
              }),
       bad, "task.retry_on[1]"},
      {"limit 0", limit("wall_ms", 0), bad, "task.limits.wall_ms"},
      {"limit -1", limit("wall_ms", -1), bad, "task.limits.wall_ms"},
      {"limit unknown", limit("wal_ms", 1), bad, "task.limits.wal_ms"},
      {"limit 2^63",
       submit("limits",
              [](Writer& out) {
                out.map(1);
                out.text("wall_ms");
                out.number(uint64_t{1} << 63U);
              }),
       bad, "task.limits.wall_ms"},
      {"limit as text",
       submit("limits",
              [](Writer& out) {
                out.map(1);
                out.text("wall_ms");
                out.text("1e3");
              }),
       bad, "task.limits.wall_ms"},
      {"limit NaN", "\x83\xA1v\x01\xA1t\xA4ping\xA3rid\xCB\x7F\xF8\x00\x00\x00\x00\x00\x00"s, bad,
       "rid"},
      {"negative rid", "\x83\xA1v\x01\xA1t\xA4ping\xA3rid\xFF"s, bad, "rid"},
      {"wait_ms 60,001",
       message("result", 2,
               [](Writer& out) {
                 out.text("id");
                 out.text("01935b00-1122-7033-8044-010203040501");
                 out.text("wait_ms");
                 out.number(60'001);
               }),
       bad, "wait_ms"},
      {"list limit 0",
       message("list", 1,
               [](Writer& out) {
                 out.text("limit");
                 out.number(0);
               }),
       bad, "limit"},
  });
}

// No prefix of a message is a message, and none makes a decoder read beyond its end (ASan).
TEST(Malformed, CutAtEveryOffset) {
  for (const Sample& sample : samples()) {
    for (size_t size = 0; size < sample.bytes.size(); ++size) {
      const std::vector<char> exact(sample.bytes.begin(),
                                    sample.bytes.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_FALSE(recode(sample.target, {exact.data(), exact.size()}).ok())
          << sample.target << " " << sample.name << " cut at " << size;
    }
  }
}

// Whatever one byte is changed to, the answer is a message or an error; what is accepted is
// accepted again when encoded.
TEST(Malformed, EveryByteChanged) {
  for (const Sample& sample : samples()) {
    for (size_t at = 0; at < sample.bytes.size(); ++at) {
      for (const int flip : {0x01, 0x80, 0xFF}) {
        std::string changed = sample.bytes;
        changed[at] = static_cast<char>(changed[at] ^ flip);
        const auto once = recode(sample.target, changed);
        if (!once.ok()) continue;
        const auto twice = recode(sample.target, *once);
        ASSERT_TRUE(twice.ok()) << sample.name << " at " << at << ": " << twice.error().text();
        EXPECT_EQ(*once, *twice);
      }
    }
  }
}

}  // namespace
}  // namespace kiln::net
