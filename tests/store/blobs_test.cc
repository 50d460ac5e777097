// What every store must do with blobs, run on each of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/store/kinds.h"

namespace kiln::store {
namespace {

using model::BlobRef;
using model::DeleteBlob;
using model::DeleteTask;
using model::PutBlobChunk;
using model::PutResult;
using model::TaskRow;
using model::TaskState;
using model::Writes;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kTenant = "default";
WallTime at(int64_t second) { return wall_from_micros(second * 1'000'000); }

class BlobStoreTest : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    store_ = GetParam().open(directory_);
    ASSERT_NE(store_, nullptr);
    ASSERT_TRUE(store_->open_boot());
    reader_ = *store_->reader();
  }

  void commit(const Writes& writes) {
    const Status done = store_->commit(writes);
    ASSERT_TRUE(done) << done.error().text();
  }
  // A blob with this content, in one chunk.
  static BlobRef ref(const std::string& text) { return {sha256(text), text.size()}; }
  static PutBlobChunk whole(const std::string& text, int64_t second = 1,
                            const std::string& tenant = kTenant) {
    return {tenant, ref(text), 0, bytes_of(text), true, at(second)};
  }
  std::optional<StoredBlob> find(const BlobRef& blob, const std::string& tenant = kTenant) {
    return *reader_->find_blob(tenant, blob.sha256);
  }
  std::string read(const BlobRef& blob, uint64_t offset = 0, const std::string& tenant = kTenant) {
    const auto bytes = *reader_->read_blob(tenant, blob.sha256, offset);
    return bytes ? *bytes : "(none)";
  }
  std::vector<uint64_t> unused_sizes(int64_t before) {
    std::vector<uint64_t> sizes;
    const auto unused = reader_->unused_blobs(kTenant, at(before), 10);
    for (const StoredBlob& one : *unused) {
      sizes.push_back(one.state.blob.size);
    }
    return sizes;
  }
  bool is_there(const BlobRef& blob) { return find(blob).has_value(); }

  TempDir directory_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Reader> reader_;
};

TEST_P(BlobStoreTest, GrowsChunkByChunk) {
  const std::string first(model::kBlobChunkBytes, 'a');
  const BlobRef blob{sha256("of both"), model::kBlobChunkBytes + 2};
  EXPECT_EQ(find(blob), std::nullopt);
  commit({PutBlobChunk{kTenant, blob, 0, bytes_of(first), false, at(1)}});
  EXPECT_EQ(find(blob)->state, (model::BlobState{blob, model::kBlobChunkBytes, false}));
  commit({PutBlobChunk{kTenant, blob, model::kBlobChunkBytes, bytes_of("bb"), true, at(2)}});
  EXPECT_EQ(find(blob)->state, (model::BlobState{blob, blob.size, true}));
  EXPECT_EQ(find(blob)->used_at, at(2));
  EXPECT_EQ(read(blob), first);
  EXPECT_EQ(read(blob, model::kBlobChunkBytes), "bb");
  EXPECT_EQ(read(blob, 1), "(none)");
  EXPECT_EQ(read(blob, 2 * model::kBlobChunkBytes), "(none)");
}

TEST_P(BlobStoreTest, ABatchThatDoesNotFollowIsRefusedWhole) {
  const BlobRef blob{sha256("x"), model::kBlobChunkBytes + 2};
  const auto chunk = [&](uint64_t offset, size_t size, bool last) {
    return PutBlobChunk{kTenant, blob, offset, bytes_of(std::string(size, 'x')), last, at(1)};
  };
  PutBlobChunk other = chunk(model::kBlobChunkBytes, 2, true);
  other.blob.size += 1;
  const std::vector<PutBlobChunk> wrong = {chunk(2, 2, true),
                                           chunk(0, model::kBlobChunkBytes, false),
                                           chunk(model::kBlobChunkBytes, 1, false),
                                           chunk(model::kBlobChunkBytes, 2, false),
                                           other,
                                           {kTenant, blob, model::kBlobChunkBytes, nullptr, true}};
  commit({chunk(0, model::kBlobChunkBytes, false)});
  for (const PutBlobChunk& one : wrong) {
    const Status done = store_->commit({whole("beside"), one});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::internal);
    EXPECT_FALSE(is_there(ref("beside")));
    EXPECT_EQ(find(blob)->state.received, model::kBlobChunkBytes);
  }
}

TEST_P(BlobStoreTest, TenantsShareNothing) {
  commit({whole("text"), whole("text", 1, "red")});
  EXPECT_EQ(read(ref("text"), 0, "red"), "text");
  commit({DeleteBlob{kTenant, ref("text").sha256}});
  EXPECT_FALSE(is_there(ref("text")));
  EXPECT_EQ(read(ref("text"), 0, "red"), "text");
  EXPECT_EQ((*reader_->blob_usage("red")).bytes, 4U);
  EXPECT_EQ((*reader_->blob_usage(kTenant)).blobs, 0U);
}

TEST_P(BlobStoreTest, UsageCountsWhatIsToCome) {
  const BlobRef large{sha256("l"), 3 * model::kBlobChunkBytes};
  const std::string chunk(model::kBlobChunkBytes, 'x');
  commit({whole("text"), PutBlobChunk{kTenant, large, 0, bytes_of(chunk), false, at(1)}});
  const auto usage = *reader_->blob_usage(kTenant);
  EXPECT_EQ(usage.blobs, 2U);
  EXPECT_EQ(usage.bytes, 4 + 3 * model::kBlobChunkBytes);
}

TEST_P(BlobStoreTest, WhatATaskRefersToStays) {
  model::InsertTask insert = insert_of(make_row(1));
  insert.blobs = {ref("of program")};
  commit({whole("of program"), whole("of result!"), whole("of nobody!!!"), insert,
          PutResult{id_of(1), bytes_of("r"), {ref("of result!")}}});
  EXPECT_THAT(unused_sizes(100), ElementsAre(12));
  commit({DeleteBlob{kTenant, ref("of program").sha256},
          DeleteBlob{kTenant, ref("of result!").sha256},
          DeleteBlob{kTenant, ref("of nobody!!!").sha256}});
  EXPECT_TRUE(is_there(ref("of program")));
  EXPECT_TRUE(is_there(ref("of result!")));
  EXPECT_FALSE(is_there(ref("of nobody!!!")));
}

TEST_P(BlobStoreTest, ALaterResultRefersToItsOwn) {
  commit({whole("one"), whole("two!"), insert_of(make_row(1)),
          PutResult{id_of(1), bytes_of("a"), {ref("one")}},
          PutResult{id_of(1), bytes_of("b"), {ref("two!")}}});
  EXPECT_THAT(unused_sizes(100), ElementsAre(3));
}

TEST_P(BlobStoreTest, ADeletedTaskFreesItsBlobs) {
  model::InsertTask insert = insert_of(make_row(1));
  insert.blobs = {ref("one")};
  commit({whole("one"), whole("two!"), insert, PutResult{id_of(1), bytes_of("r"), {ref("two!")}}});
  EXPECT_THAT(unused_sizes(100), IsEmpty());
  commit({DeleteTask{id_of(1)}});
  EXPECT_THAT(unused_sizes(100), ElementsAre(3, 4));
}

TEST_P(BlobStoreTest, AnHeirOfAResultHasItsBlobsToo) {
  TaskRow owner = make_row(1, TaskState::succeeded);
  TaskRow heir = make_row(2, TaskState::succeeded);
  heir.result_of = id_of(1);
  commit({whole("one"), insert_of(owner), insert_of(heir),
          PutResult{id_of(1), bytes_of("r"), {ref("one")}}});
  commit({DeleteTask{id_of(1)}});
  EXPECT_THAT(unused_sizes(100), IsEmpty());
  commit({DeleteTask{id_of(2)}});
  EXPECT_THAT(unused_sizes(100), ElementsAre(3));
}

TEST_P(BlobStoreTest, TheLongestUnusedComesFirst) {
  commit({whole("a", 30), whole("bb", 10), whole("ccc", 20)});
  EXPECT_THAT(unused_sizes(30), ElementsAre(2, 3));
  EXPECT_THAT(unused_sizes(10), IsEmpty());
  const auto first = *reader_->unused_blobs(kTenant, at(100), 1);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].state.blob, ref("bb"));
}

INSTANTIATE_TEST_SUITE_P(All, BlobStoreTest, ::testing::ValuesIn(all_kinds()),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace kiln::store
