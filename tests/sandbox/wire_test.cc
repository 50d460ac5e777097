#include "sandbox/wire.h"

#include <gmock/gmock.h>

#include "base/random.h"

namespace kiln::sandbox::wire {
namespace {

using testing::HasSubstr;

CellRequest full_request() {
  CellRequest request;
  request.argv = {"/usr/bin/python3", "", "a b"};
  request.env = {{"A", "1"}, {"B", "=x="}};
  request.files = {{"main.py", "print()"}, {"d/empty", ""}, {"d/bytes", std::string("\0\xff", 2)}};
  return request;
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(WireTest, ARequestSurvivesTheWay) {
  const auto encoded = encode_run(7, full_request());
  ASSERT_TRUE(encoded.ok());
  const EncodedRun& e = *encoded;
  const auto view = decode_run(e.run, bytes_of(e.payload));
  ASSERT_TRUE(view.ok()) << view.error().text();
  const RunView& v = *view;
  ASSERT_EQ(v.argv.size(), 4U);
  EXPECT_STREQ(v.argv[0], "/usr/bin/python3");
  EXPECT_STREQ(v.argv[1], "");
  EXPECT_STREQ(v.argv[2], "a b");
  EXPECT_EQ(v.argv[3], nullptr);
  ASSERT_EQ(v.env.size(), 3U);
  EXPECT_STREQ(v.env[1], "B==x=");
  EXPECT_EQ(v.env[2], nullptr);
  ASSERT_EQ(v.files.size(), 3U);
  EXPECT_STREQ(v.files[2].name, "d/bytes");
  EXPECT_EQ(text_of(v.files[2].bytes), std::string("\0\xff", 2));
  EXPECT_EQ(e.run.id, 7U);
  EXPECT_EQ(e.run.limits, model::Limits{});
}

TEST(WireTest, ProgramsComeAfterTheFilesAndAreMarked) {
  CellRequest request = full_request();
  request.programs = {{"program", "ELF"}};
  request.collect_file_bytes = 5;
  const auto encoded = encode_run(7, request);
  ASSERT_TRUE(encoded.ok());
  const auto view = decode_run(encoded->run, bytes_of(encoded->payload));
  ASSERT_TRUE(view.ok()) << view.error().text();
  ASSERT_EQ(view->files.size(), 4U);
  EXPECT_STREQ(view->files[3].name, "program");
  EXPECT_TRUE(view->files[3].program);
  EXPECT_FALSE(view->files[2].program);
  EXPECT_EQ(encoded->run.collect_file_bytes, 5U);
  wire::Run wrong = encoded->run;
  wrong.programs = 5;
  EXPECT_FALSE(decode_run(wrong, bytes_of(encoded->payload)).ok());
  wrong = encoded->run;
  wrong.collect_file_bytes = kMaxCollectFileBytes + 1;
  EXPECT_FALSE(decode_run(wrong, bytes_of(encoded->payload)).ok());
}

std::string record(Refusal why, const std::string& path, uint64_t size, const std::string& bytes) {
  const ArtifactRecord one{static_cast<uint32_t>(why), static_cast<uint32_t>(path.size()), size};
  return std::string(reinterpret_cast<const char*>(&one), sizeof one) + path + bytes;
}

TEST(WireTest, ArtifactsAreReadAsTheyWereWritten) {
  const std::string copy = record(Refusal::none, "a", 2, "xy") + record(Refusal::fifo, "p", 0, "") +
                           record(Refusal::too_large, "b", 1'000, "") +
                           record(Refusal::none, "empty", 0, "");
  const auto views = read_artifacts(copy);
  ASSERT_TRUE(views.ok());
  ASSERT_EQ(views->size(), 4U);
  EXPECT_EQ((*views)[0].bytes, "xy");
  EXPECT_EQ((*views)[1].refusal, Refusal::fifo);
  EXPECT_EQ((*views)[2].size, 1'000U);
  EXPECT_EQ((*views)[3].path, "empty");
  EXPECT_TRUE(read_artifacts("").ok());
}

TEST(WireTest, DamagedArtifactsAreRefused) {
  const std::string copy = record(Refusal::none, "path", 5, "bytes");
  for (size_t cut = 1; cut < copy.size(); ++cut) {
    EXPECT_FALSE(read_artifacts(copy.substr(0, cut)).ok()) << cut;
  }
  EXPECT_FALSE(read_artifacts(record(static_cast<Refusal>(kRefusalCount), "p", 0, "")).ok());
  EXPECT_FALSE(read_artifacts(record(Refusal::none, "p", ~uint64_t{0}, "x")).ok());
}

TEST(WireTest, WhatCannotBeSaidIsRefused) {
  CellRequest request = full_request();
  request.argv[1] = std::string("x\0y", 3);
  EXPECT_FALSE(encode_run(1, request).ok());
  request = full_request();
  request.files[0].path = "../x";
  EXPECT_FALSE(encode_run(1, request).ok());
  request = full_request();
  request.argv.clear();
  EXPECT_FALSE(encode_run(1, request).ok());
  request = full_request();
  request.argv.resize(kMaxStrings + 1);
  EXPECT_FALSE(encode_run(1, request).ok());
  request = full_request();
  request.files[0].bytes.resize(kMaxPayloadBytes);
  EXPECT_FALSE(encode_run(1, request).ok());
}

TEST(WireTest, SafePathsStayBelowTheirDirectory) {
  for (const char* path : {"a", "a/b", "..a", "a..", "...", "a b\n", ".hidden"}) {
    EXPECT_TRUE(is_safe_path(path)) << path;
  }
  for (const char* path :
       {"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/../b", "./a"}) {
    EXPECT_FALSE(is_safe_path(path)) << path;
  }
  EXPECT_FALSE(is_safe_path(std::string(kMaxFileNameBytes + 1, 'x')));
}

TEST(WireTest, EachDamagedFieldIsNoticed) {
  const EncodedRun good = encode_run(1, full_request()).value();
  const auto refuses = [&good](auto damage) {
    EncodedRun bad = good;
    damage(bad);
    return !decode_run(bad.run, bytes_of(bad.payload)).ok();
  };
  EXPECT_FALSE(refuses([](EncodedRun&) {}));
  EXPECT_TRUE(refuses([](EncodedRun& e) { ++e.run.argc; }));
  EXPECT_TRUE(refuses([](EncodedRun& e) { --e.run.argc; }));
  EXPECT_TRUE(refuses([](EncodedRun& e) { ++e.run.envc; }));
  EXPECT_TRUE(refuses([](EncodedRun& e) { ++e.run.files; }));
  EXPECT_TRUE(refuses([](EncodedRun& e) { e.run.files = ~0U; }));
  EXPECT_TRUE(refuses([](EncodedRun& e) { ++e.run.argv_bytes; }));
  EXPECT_TRUE(refuses([](EncodedRun& e) { e.run.env_bytes = ~0ULL; }));
  EXPECT_TRUE(refuses([](EncodedRun& e) { --e.run.name_bytes; }));
  EXPECT_TRUE(refuses([](EncodedRun& e) { ++e.run.payload_bytes; }));
  EXPECT_TRUE(refuses([](EncodedRun& e) { e.payload.pop_back(); }));
  EXPECT_TRUE(refuses([](EncodedRun& e) { e.payload.push_back('x'), ++e.run.payload_bytes; }));
  EXPECT_TRUE(refuses([](EncodedRun& e) { e.payload[0] = 'u'; }));  // no absolute path
  EXPECT_TRUE(refuses([](EncodedRun& e) { e.run.limits.wall_ms = 0; }));
  EXPECT_TRUE(refuses([](EncodedRun& e) { e.run.limits.memory_bytes = -1; }));
  EXPECT_TRUE(refuses([](EncodedRun& e) { e.run.limits.processes = 1'000'000; }));
  EXPECT_TRUE(
      refuses([](EncodedRun& e) { e.payload.replace(e.payload.find("main.py"), 7, "/etc/pw"); }));
}

TEST(WireTest, RandomDamageNeverLeadsOutOfThePayload) {
  const EncodedRun good = encode_run(1, full_request()).value();
  Random random(20'261'125);
  for (int i = 0; i < 20'000; ++i) {
    EncodedRun bad = good;
    auto fields = std::as_writable_bytes(std::span(&bad.run, 1)).subspan(sizeof(Header));
    fields[uniform(random, fields.size())] ^= static_cast<std::byte>(1U << uniform(random, 8));
    bad.payload[uniform(random, bad.payload.size())] = static_cast<char>(uniform(random, 256));
    const auto view = decode_run(bad.run, bytes_of(bad.payload));
    if (!view) continue;
    const auto* begin = reinterpret_cast<const std::byte*>(bad.payload.data());
    for (const FileView& file : view->files) {
      ASSERT_TRUE(is_safe_path(file.name));
      if (file.bytes.empty()) continue;
      ASSERT_GE(file.bytes.data(), begin);
      ASSERT_LE(file.bytes.data() + file.bytes.size(), begin + bad.payload.size());
    }
  }
}

TEST(WireTest, PacketsAreOfOurVersionAndOfTheirTypesLength) {
  Kill kill;
  const auto packet = std::as_writable_bytes(std::span(&kill, 1));
  EXPECT_EQ(packet_type(packet).value(), Type::kill);
  EXPECT_FALSE(packet_type(packet.first(packet.size() - 1)).ok());
  EXPECT_FALSE(packet_type(packet.first(3)).ok());
  kill.header.version = kVersion + 1;
  EXPECT_FALSE(packet_type(packet).ok());
  kill.header = {kVersion, static_cast<Type>(99)};
  EXPECT_FALSE(packet_type(packet).ok());
  kill.header = {kVersion, Type::run};
  EXPECT_FALSE(packet_type(packet).ok());
}

}  // namespace
}  // namespace kiln::sandbox::wire
