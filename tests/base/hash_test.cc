#include "base/hash.h"

#include <gtest/gtest.h>

namespace kiln {
namespace {

// The examples of FIPS 180-2, appendix B.
TEST(Sha256Test, KnownAnswers) {
  EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(FieldHasherTest, WhereAFieldEndsMatters) {
  EXPECT_NE(FieldHasher().add("ab").add("c").finish(), FieldHasher().add("a").add("bc").finish());
  EXPECT_NE(FieldHasher().add("ab").finish(), FieldHasher().add("ab").add("").finish());
  EXPECT_NE(FieldHasher().add("a").add("b").finish(), FieldHasher().add("b").add("a").finish());
}

TEST(FieldHasherTest, IsTheHashOfLengthsAndFields) {
  const std::string bytes("\x02\0\0\0\0\0\0\0hi\x01\x02\0\0\0\0\0\0", 18);
  EXPECT_EQ(FieldHasher().add("hi").add(uint64_t{0x0201}).finish(), sha256(bytes));
}

}  // namespace
}  // namespace kiln
