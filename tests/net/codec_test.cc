// Every message there and back, and against its golden bytes.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "net/codec.h"
#include "net/codec_cursor.h"
#include "net/protocol_fields.h"
#include "tests/net/samples.h"

namespace kiln::net {
namespace {

const std::filesystem::path kGolden = std::filesystem::path(KILN_TESTS_DIR) / "net/golden";

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

std::string golden_name(const Sample& sample) {
  return sample.target + "." + sample.name + ".msgpack";
}

std::vector<std::string> keys_of(std::string_view bytes) {
  Cursor in(bytes);
  const Item map = in.next();
  std::vector<std::string> out;
  for (size_t i = 0; i < map.number; ++i) {
    out.emplace_back(in.next().bytes);
    in.skip();
  }
  return out;
}

TEST(Codec, EveryMessageHasASample) {
  std::map<std::string, std::set<size_t>> seen;
  for (const Sample& sample : samples()) seen[sample.target].insert(sample.alternative);
  EXPECT_EQ(seen["from_client"].size(), std::variant_size_v<FromClient>);
  EXPECT_EQ(seen["to_client"].size(), std::variant_size_v<ToClient>);
  EXPECT_EQ(seen["from_worker"].size(), std::variant_size_v<model::FromWorker>);
  EXPECT_EQ(seen["to_worker"].size(), std::variant_size_v<model::ToWorker>);
}

TEST(Codec, RoundTripsEveryMessage) {
  for (const Sample& sample : samples()) {
    SCOPED_TRACE(golden_name(sample));
    const auto again = recode(sample.target, sample.bytes);
    ASSERT_TRUE(again.ok()) << again.error().text();
    EXPECT_EQ(*again, sample.bytes);
  }
}

TEST(Codec, BeginsWithVersionAndTag) {
  for (const Sample& sample : samples()) {
    if (sample.target == "program" || sample.target == "result") continue;
    const auto keys = keys_of(sample.bytes);
    ASSERT_GE(keys.size(), 2U);
    EXPECT_EQ(keys[0], "v");
    EXPECT_EQ(keys[1], "t");
  }
}

TEST(Codec, KeepsItsGoldenBytes) {
  std::set<std::string> expected;
  for (const Sample& sample : samples()) {
    expected.insert(golden_name(sample));
    EXPECT_EQ(read_file(kGolden / golden_name(sample)), sample.bytes)
        << golden_name(sample)
        << ": the encoding changed. If it was meant to, run net_write_samples and commit what it "
           "wrote; peers of before must still understand it.";
  }
  for (const auto& file : std::filesystem::directory_iterator(kGolden)) {
    EXPECT_TRUE(expected.contains(file.path().filename().string()))
        << file.path() << " belongs to no message";
  }
}

TEST(Codec, KeepsFieldValues) {
  const auto message = decode_from_client(read_file(kGolden / "from_client.submit.msgpack"));
  ASSERT_TRUE(message.ok()) << message.error().text();
  const auto* submit = std::get_if<Submit>(&*message);
  ASSERT_NE(submit, nullptr);
  EXPECT_EQ(submit->rid, 1U);
  EXPECT_TRUE(submit->watch);
  EXPECT_EQ(submit->task.priority, 9);
  EXPECT_EQ(submit->task.tenant, "default");
  EXPECT_EQ(submit->task.program.limits.get("wall_ms"), 2'000);
  EXPECT_EQ(submit->task.program.stdin_bytes, std::string("in\0put", 6));
  EXPECT_EQ(submit->task.program.files.at(0).bytes, std::string("\0\x01\xFF", 3));
  EXPECT_EQ(to_micros(*submit->task.eta), 1'700'000'000'000'000);
}

TEST(Codec, PeeksTheRidOfWhatItCannotDecode) {
  const std::string bad = "\x84\xA1v\x01\xA1t\xA6submit\xA3rid\x2A\xA4task\x01";
  ASSERT_FALSE(decode_from_client(bad).ok());
  EXPECT_EQ(decode_from_client(bad).error().field, "task");
  EXPECT_EQ(peek_rid(bad), 42U);
  EXPECT_EQ(peek_rid("\xFF"), 0U);
}

TEST(Codec, IgnoresUnknownFieldsAndTakesNilAsAbsent) {
  const std::string bytes = "\x84\xA1v\x01\xA1t\xA4ping\xA3new\x93\x01\x02\x80\xA3rid\xC0";
  const auto message = decode_from_client(bytes);
  ASSERT_TRUE(message.ok()) << message.error().text();
  EXPECT_EQ(std::get<Ping>(*message).rid, 0U);
}

}  // namespace
}  // namespace kiln::net
