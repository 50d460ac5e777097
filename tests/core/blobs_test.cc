// Chunks that come, and the transfers that send and fetch them.
#include "core/blobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/blob_transfers.h"

namespace kiln::core {
namespace {

using model::kBlobChunkBytes;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint64_t kSize = 2 * kBlobChunkBytes + 10;
const model::BlobRef kBlob{sha256("blob"), kSize};
const MonoTime kStart{std::chrono::hours(1)};

model::BlobState stored(uint64_t received, bool complete = false) {
  return {kBlob, received, complete};
}

TEST(TakesChunk, TheNextOneAndNoOther) {
  const Chunk first{kBlob, 0, kBlobChunkBytes};
  const Chunk second{kBlob, kBlobChunkBytes, kBlobChunkBytes};
  const Chunk last{kBlob, 2 * kBlobChunkBytes, 10};
  EXPECT_TRUE(takes_chunk(std::nullopt, first).value());
  EXPECT_FALSE(takes_chunk(std::nullopt, second).value());
  EXPECT_FALSE(takes_chunk(stored(kBlobChunkBytes), first).value());
  EXPECT_TRUE(takes_chunk(stored(kBlobChunkBytes), second).value());
  EXPECT_TRUE(takes_chunk(stored(2 * kBlobChunkBytes), last).value());
  EXPECT_FALSE(takes_chunk(stored(kSize, true), last).value());
  EXPECT_FALSE(takes_chunk(std::nullopt, Chunk{kBlob, 0, 0}).value()) << "only asks";
  EXPECT_TRUE(is_last(last));
  EXPECT_FALSE(is_last(second));
}

TEST(TakesChunk, RefusesWhatIsNoChunk) {
  const auto code = [](std::optional<model::BlobState> known, Chunk chunk) {
    const auto taken = takes_chunk(known, chunk);
    return taken ? std::optional<ErrorCode>() : taken.error().code;
  };
  EXPECT_EQ(code({}, {kBlob, 1, 10}), ErrorCode::invalid_argument);
  EXPECT_EQ(code({}, {kBlob, 0, 10}), ErrorCode::invalid_argument);
  EXPECT_EQ(code({}, {kBlob, 0, kBlobChunkBytes + 1}), ErrorCode::invalid_argument);
  EXPECT_EQ(code({}, {kBlob, 3 * kBlobChunkBytes, 1}), ErrorCode::invalid_argument);
  EXPECT_EQ(code({}, {kBlob, uint64_t{1} << 63U, 1}), ErrorCode::invalid_argument);
  EXPECT_EQ(code({}, {{kBlob.sha256, 0}, 0, 0}), ErrorCode::invalid_argument);
  EXPECT_EQ(code({}, {{kBlob.sha256, model::kMaxBlobBytes + 1}, 0, 0}), ErrorCode::too_large);
  EXPECT_EQ(code(stored(0), {{kBlob.sha256, kSize + 1}, 0, 0}), ErrorCode::conflict);
}

// --- transfers

model::LeaseRef lease(uint64_t number) { return {TaskId{}, {1, number}}; }

// What it wants done, as words.
struct Words {
  std::string operator()(const TellBroker& tell) const {
    if (const auto* fetch = std::get_if<model::FetchBlob>(&tell.message)) {
      return "get " + std::to_string(fetch->offset);
    }
    const auto& store = std::get<model::StoreBlob>(tell.message);
    if (store.data.empty()) return "ask";
    return "put " + std::to_string(store.offset) + "+" + std::to_string(store.data.size());
  }
  std::string operator()(const BlobFetched& f) const {
    return "fetched " + std::to_string(f.bytes->size());
  }
  std::string operator()(const BlobStored&) const { return "stored"; }
  std::string operator()(const BlobFailed& f) const { return "failed: " + f.error.message; }
};

class TransfersTest : public testing::Test {
 protected:
  std::vector<std::string> words(const TransferEffects& effects) {
    std::vector<std::string> out;
    for (const TransferEffect& effect : effects) {
      out.push_back(std::visit(Words{}, effect));
      if (const auto* tell = std::get_if<TellBroker>(&effect)) {
        std::visit(
            [this](const auto& m) {
              if constexpr (requires { m.rid; }) rid_ = m.rid;
            },
            tell->message);
      }
    }
    return out;
  }
  std::vector<std::string> ok(uint64_t received, bool complete = false, std::string data = "") {
    return words(transfers_.answered(model::BlobOk{rid_, stored(received, complete), data}, now_));
  }
  std::vector<std::string> error(ErrorCode code) {
    return words(transfers_.answered(model::BlobError{rid_, {code, "no", "", "", ""}}, now_));
  }
  std::vector<std::string> begin_store() {
    auto bytes = std::make_shared<const std::string>(kSize, 'x');
    return words(transfers_.store(lease(1), kBlob, bytes, now_));
  }

  BlobTransfers transfers_;
  MonoTime now_ = kStart;
  uint64_t rid_ = 0;  // of the last message
};

TEST_F(TransfersTest, FetchesChunkAfterChunk) {
  const std::string chunk(kBlobChunkBytes, 'x');
  EXPECT_THAT(words(transfers_.fetch(lease(1), kBlob, now_)), ElementsAre("get 0"));
  EXPECT_THAT(ok(kSize, true, chunk), ElementsAre("get 1048576"));
  EXPECT_THAT(ok(kSize, true, chunk), ElementsAre("get 2097152"));
  EXPECT_THAT(ok(kSize, true, "0123456789"), ElementsAre("fetched 2097162"));
  EXPECT_EQ(transfers_.size(), 0U);
}

TEST_F(TransfersTest, AChunkOfAnotherSizeFails) {
  words(transfers_.fetch(lease(1), kBlob, now_));
  EXPECT_THAT(ok(kSize, true, "short"),
              ElementsAre("failed: the broker sent another chunk than was asked for"));
}

TEST_F(TransfersTest, StoresFromWhereTheBrokerIs) {
  EXPECT_THAT(begin_store(), ElementsAre("ask"));
  EXPECT_THAT(ok(kBlobChunkBytes), ElementsAre("put 1048576+1048576"));
  EXPECT_THAT(ok(2 * kBlobChunkBytes), ElementsAre("put 2097152+10"));
  EXPECT_THAT(ok(kSize, true), ElementsAre("stored"));
}

TEST_F(TransfersTest, WhatTheBrokerHasIsNotSent) {
  begin_store();
  EXPECT_THAT(ok(kSize, true), ElementsAre("stored"));
}

TEST_F(TransfersTest, WhatIsNotAnsweredIsAskedAgain) {
  begin_store();
  ok(0);  // the first chunk is under way
  EXPECT_THAT(words(transfers_.tick(now_)), IsEmpty());
  now_ = transfers_.next_deadline();
  const uint64_t old = rid_;
  EXPECT_THAT(words(transfers_.tick(now_)), ElementsAre("ask"));
  // The late answer to what was asked before is not taken.
  const auto late = transfers_.answered(model::BlobOk{old, stored(kSize, true), ""}, now_);
  EXPECT_THAT(late, IsEmpty());
  EXPECT_THAT(ok(kBlobChunkBytes), ElementsAre("put 1048576+1048576"));
}

TEST_F(TransfersTest, ABusyBrokerIsAskedAgainAndARefusalIsTold) {
  begin_store();
  EXPECT_THAT(error(ErrorCode::busy), IsEmpty());
  now_ = transfers_.next_deadline();
  EXPECT_THAT(words(transfers_.tick(now_)), ElementsAre("ask"));
  EXPECT_THAT(error(ErrorCode::too_large), ElementsAre("failed: no"));
  EXPECT_EQ(transfers_.size(), 0U);
}

TEST_F(TransfersTest, OnlySoManyAtOnce) {
  for (uint64_t i = 0; i < kMaxTransfers; ++i) {
    EXPECT_THAT(words(transfers_.fetch(lease(i), kBlob, now_)), ElementsAre("get 0"));
  }
  EXPECT_THAT(words(transfers_.fetch(lease(99), kBlob, now_)), IsEmpty());
  EXPECT_THAT(words(transfers_.drop(lease(0), now_)), ElementsAre("get 0")) << "the next begins";
  EXPECT_THAT(words(transfers_.drop(lease(0), now_)), IsEmpty());
  EXPECT_EQ(transfers_.size(), kMaxTransfers);
}

TEST_F(TransfersTest, NothingIsDueWithoutTransfers) {
  EXPECT_GT(transfers_.next_deadline(), now_ + std::chrono::hours(24 * 365));
  begin_store();
  EXPECT_EQ(transfers_.next_deadline(), now_ + kBlobAnswerTime);
}

}  // namespace
}  // namespace kiln::core
