#include "actors/result_blobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::actors {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kLarge(model::kMaxInlineArtifactBytes + 1, 'a');
const std::string kLong(model::kMaxInlineOutputBytes + 5, 'o');

TEST(ResultBlobs, WhatIsSmallStays) {
  model::TaskResult result;
  result.out.bytes = std::string(model::kMaxInlineOutputBytes, 'o');
  result.artifacts = {
      {"a", 3, "abc"}, {"b", model::kMaxInlineArtifactBytes, kLarge.substr(1)}, {"empty", 0, ""}};
  const model::TaskResult before = result;
  EXPECT_TRUE(take_blobs(result).empty());
  EXPECT_EQ(result, before);
}

TEST(ResultBlobs, WhatIsLargeIsTakenOutAndReferredTo) {
  model::TaskResult result;
  result.err.bytes = kLong;
  result.artifacts = {{"a", kLarge.size(), kLarge}, {"same", kLarge.size(), kLarge}};
  const auto taken = take_blobs(result);
  const model::BlobRef artifact{sha256(kLarge), kLarge.size()};
  const model::BlobRef stream{sha256(kLong), kLong.size()};
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(*taken.at(artifact), kLarge);
  EXPECT_EQ(*taken.at(stream), kLong);
  EXPECT_EQ(result.err.blob, stream);
  EXPECT_TRUE(result.err.bytes.empty());
  for (const model::Artifact& one : result.artifacts) {
    EXPECT_EQ(one.blob, artifact);
    EXPECT_TRUE(one.bytes.empty());
    EXPECT_EQ(one.size, kLarge.size());
  }
  EXPECT_THAT(model::blobs_of(result), ElementsAre(stream, artifact, artifact));
}

TEST(ResultBlobs, ManySmallOnesDoNotMakeOneLargeMessage) {
  model::TaskResult result;
  const std::string piece(model::kMaxInlineArtifactBytes, 'x');
  for (int i = 0; i < 100; ++i) result.artifacts.push_back({std::to_string(i), 0, piece});
  take_blobs(result);
  size_t stays = 0;
  for (const model::Artifact& one : result.artifacts) stays += one.bytes.size();
  EXPECT_EQ(stays, model::kMaxInlineArtifactsBytes);
}

TEST(ResultBlobs, WhatCouldNotBeStoredIsSaid) {
  model::TaskResult result;
  result.out.bytes = kLong;
  result.artifacts = {{"keep", 1, "x"}, {"large", kLarge.size(), kLarge}};
  const auto taken = take_blobs(result);
  const Error full{ErrorCode::too_large, "there is no room", "", "", ""};
  without({{sha256(kLarge), full}, {sha256(kLong), full}}, taken, result);
  ASSERT_EQ(result.artifacts.size(), 1U);
  EXPECT_EQ(result.artifacts[0].path, "keep");
  EXPECT_THAT(result.artifacts_refused, ElementsAre(HasSubstr("large: there is no room")));
  EXPECT_EQ(result.out.bytes.size(), model::kMaxInlineOutputBytes);
  EXPECT_EQ(result.out.dropped_bytes, 5);
  EXPECT_TRUE(result.out.truncated);
  EXPECT_TRUE(model::blobs_of(result).empty());
}

}  // namespace
}  // namespace kiln::actors
