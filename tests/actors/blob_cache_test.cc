#include "actors/blob_cache.h"

#include <gtest/gtest.h>

namespace kiln::actors {
namespace {

model::Bytes bytes(std::string text) { return std::make_shared<const std::string>(text); }
model::BlobRef ref(const std::string& text) { return {sha256(text), text.size()}; }

TEST(BlobCache, GivesWhatWasPut) {
  BlobCache cache(10);
  cache.put(ref("abc"), bytes("abc"));
  ASSERT_NE(cache.find(ref("abc")), nullptr);
  EXPECT_EQ(*cache.find(ref("abc")), "abc");
  EXPECT_EQ(cache.find(ref("abd")), nullptr);
}

TEST(BlobCache, TheLeastRecentlyUsedGoesFirst) {
  BlobCache cache(6);
  cache.put(ref("abc"), bytes("abc"));
  cache.put(ref("def"), bytes("def"));
  EXPECT_NE(cache.find(ref("abc")), nullptr);
  cache.put(ref("gh"), bytes("gh"));
  EXPECT_NE(cache.find(ref("abc")), nullptr);
  EXPECT_EQ(cache.find(ref("def")), nullptr);
  EXPECT_EQ(cache.bytes(), 5U);
}

TEST(BlobCache, KeepsNothingDamagedOrTooLarge) {
  BlobCache cache(6);
  cache.put(ref("abc"), bytes("abd"));
  cache.put(ref("abcdefg"), bytes("abcdefg"));
  EXPECT_EQ(cache.bytes(), 0U);
}

}  // namespace
}  // namespace kiln::actors
