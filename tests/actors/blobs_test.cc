// Blobs through a whole broker: in, out, and referred to by tasks.
#include <gmock/gmock.h>

#include "model/blob.h"
#include "tests/actors/broker_fixture.h"

namespace kiln::actors {
namespace {

using model::kBlobChunkBytes;

class BlobsTest : public BrokerTest {
 protected:
  static std::string content(size_t size, char c = 'x') { return std::string(size, c); }
  static model::BlobRef ref(const std::string& bytes) { return {sha256(bytes), bytes.size()}; }

  Result<net::Ok> put(const model::BlobRef& blob, uint64_t offset, std::string data) {
    return client_->request(net::PutBlob{0, blob, offset, std::move(data)}, kPatience);
  }
  // All of it; the last answer.
  Result<net::Ok> put_all(const model::BlobRef& blob, const std::string& bytes) {
    Result<net::Ok> answer = net::Ok{};
    for (uint64_t at = 0; answer && at < bytes.size(); at += kBlobChunkBytes) {
      answer = put(blob, at, bytes.substr(at, kBlobChunkBytes));
    }
    return answer;
  }
  Result<net::Ok> get(const model::BlobRef& blob, uint64_t offset) {
    return client_->request(net::GetBlob{0, blob.sha256, offset, {}}, kPatience);
  }
  static ErrorCode code(const Result<net::Ok>& answer) {
    EXPECT_FALSE(answer.ok());
    return answer.ok() ? ErrorCode::internal : answer.error().code;
  }
  net::Submit with_file(const model::BlobRef& blob) {
    net::Submit submit = submission("print(1)");
    submit.task.program.files = {{"large", "", blob}};
    return submit;
  }
};

TEST_F(BlobsTest, WhatIsPutIsGot) {
  const std::string bytes = content(2 * kBlobChunkBytes) + "the end";
  const auto done = put_all(ref(bytes), bytes);
  ASSERT_TRUE(done.ok()) << done.error().text();
  EXPECT_EQ(done->blob, (model::BlobState{ref(bytes), bytes.size(), true}));
  std::string again;
  for (const uint64_t at : {0UL, kBlobChunkBytes, 2 * kBlobChunkBytes}) {
    const auto chunk = get(ref(bytes), at);
    ASSERT_TRUE(chunk.ok()) << chunk.error().text();
    again += chunk->data.value();
  }
  EXPECT_EQ(again, bytes);
  EXPECT_EQ(code(get(ref(bytes), 1)), ErrorCode::invalid_argument);
}

TEST_F(BlobsTest, AQuestionAndWhatIsThereAlreadyChangeNothing) {
  const std::string bytes = content(kBlobChunkBytes + 1);
  EXPECT_EQ(put(ref(bytes), 0, "")->blob->received, 0U);
  ASSERT_TRUE(put(ref(bytes), 0, content(kBlobChunkBytes)).ok());
  EXPECT_EQ(put(ref(bytes), 0, content(kBlobChunkBytes, 'y'))->blob->received, kBlobChunkBytes);
  EXPECT_EQ(code(get(ref(bytes), 0)), ErrorCode::not_found) << "not complete";
  const auto last = put(ref(bytes), kBlobChunkBytes, "x");
  ASSERT_TRUE(last.ok()) << last.error().text();
  EXPECT_TRUE(last->blob->complete);
  EXPECT_TRUE(put(ref(bytes), 0, content(kBlobChunkBytes))->blob->complete);
}

TEST_F(BlobsTest, AnotherContentThanTheHashSaysIsDropped) {
  const std::string bytes = content(kBlobChunkBytes + 1);
  ASSERT_TRUE(put(ref(bytes), 0, content(kBlobChunkBytes, 'y')).ok());
  const auto last = put(ref(bytes), kBlobChunkBytes, "x");
  EXPECT_EQ(code(last), ErrorCode::invalid_argument);
  EXPECT_EQ(last.error().field, "sha256");
  EXPECT_EQ(put(ref(bytes), 0, "")->blob->received, 0U);
  ASSERT_TRUE(put_all(ref(bytes), bytes).ok()) << "and can be sent again";
  EXPECT_TRUE(put(ref(bytes), 0, "")->blob->complete);
}

TEST_F(BlobsTest, BadChunksAreRefusedByName) {
  const model::BlobRef blob = ref(content(kBlobChunkBytes + 1));
  EXPECT_EQ(put(blob, 0, "short").error().field, "data");
  EXPECT_EQ(put(blob, 7, content(kBlobChunkBytes)).error().field, "offset");
  EXPECT_EQ(code(put({blob.sha256, model::kMaxBlobBytes + 1}, 0, "x")),
            ErrorCode::invalid_argument);
  ASSERT_TRUE(put(blob, 0, content(kBlobChunkBytes)).ok());
  EXPECT_EQ(code(put({blob.sha256, blob.size + 1}, 0, "")), ErrorCode::conflict);
}

TEST_F(BlobsTest, ASubmissionNeedsItsBlobs) {
  const std::string bytes = content(100'000);
  const auto refused = client_->request(with_file(ref(bytes)));
  EXPECT_EQ(code(refused), ErrorCode::not_found);
  EXPECT_EQ(refused.error().field, "files");
  ASSERT_TRUE(put_all(ref(bytes), bytes).ok());
  model::BlobRef other = ref(bytes);
  other.size -= 1;
  EXPECT_EQ(code(client_->request(with_file(other))), ErrorCode::not_found);
  const auto taken = client_->request(with_file(ref(bytes)));
  ASSERT_TRUE(taken.ok()) << taken.error().text();
  EXPECT_EQ(taken->task->state, model::TaskState::queued);
}

TEST_F(BlobsTest, AWorkerGetsAndPutsUnderItsLeaseAndNoOther) {
  const std::string bytes = content(100'000);
  ASSERT_TRUE(put_all(ref(bytes), bytes).ok());
  ASSERT_TRUE(client_->request(with_file(ref(bytes))).ok());
  ScriptedWorker worker(broker_->workers_endpoint(), 1);
  worker.hello();
  const auto assign = worker.next<model::Assign>();
  ASSERT_TRUE(assign);
  worker.say(model::FetchBlob{1, assign->lease, ref(bytes).sha256, 0});
  const auto got = worker.next<model::BlobOk>();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->rid, 1U);
  EXPECT_EQ(got->data, bytes);

  const std::string made = content(200'000, 'm');
  worker.say(model::StoreBlob{2, assign->lease, ref(made), 0, made});
  const auto stored = worker.next<model::BlobOk>();
  ASSERT_TRUE(stored);
  EXPECT_TRUE(stored->state.complete);
  EXPECT_EQ(get(ref(made), 0)->data, made);

  model::LeaseRef other = assign->lease;
  other.epoch.counter += 1;
  worker.say(model::FetchBlob{3, other, ref(bytes).sha256, 0});
  const auto fenced = worker.next<model::Fenced>();
  ASSERT_TRUE(fenced);
  EXPECT_EQ(fenced->lease, other);
  worker.say(model::FetchBlob{4, assign->lease, sha256("unknown"), 0});
  const auto unknown = worker.next<model::BlobError>();
  ASSERT_TRUE(unknown);
  EXPECT_EQ(unknown->error.code, ErrorCode::not_found);
}

TEST_F(BlobsTest, WithoutRoomTheUnusedGoAndThenItIsRefused) {
  broker_.reset();
  client_.reset();
  blob_space_ = 250'000;
  SetUp();
  // As if it had been put long ago.
  const std::string old = content(100'000, 'o');
  ASSERT_TRUE(rows_
                  ->commit({model::PutBlobChunk{"default", ref(old), 0,
                                                std::make_shared<const std::string>(old), true,
                                                real_now().wall - std::chrono::hours(2)}})
                  .ok());
  const std::string one = content(100'000, '1');
  const std::string two = content(100'000, '2');
  const std::string three = content(100'000, '3');
  ASSERT_TRUE(put_all(ref(one), one).ok());
  ASSERT_TRUE(put_all(ref(two), two).ok());
  EXPECT_EQ(code(get(ref(old), 0)), ErrorCode::not_found);
  const auto refused = put_all(ref(three), three);
  EXPECT_EQ(code(refused), ErrorCode::too_large);
  EXPECT_THAT(refused.error().text(), testing::HasSubstr("250000"));
  EXPECT_TRUE(get(ref(one), 0).ok());
}

TEST_F(BlobsTest, ManyTinyOnesFillTheRoomToo) {
  broker_.reset();
  client_.reset();
  blob_space_ = 3 * (core::kBlobOverhead + 1);
  SetUp();
  for (const std::string one : {"a", "b", "c"}) ASSERT_TRUE(put_all(ref(one), one).ok());
  EXPECT_EQ(code(put_all(ref("d"), "d")), ErrorCode::too_large);
}

TEST_F(BlobsTest, NothingIsAcknowledgedThatIsNotStored) {
  const std::string bytes = content(100'000);
  faults_->always(store::refuse(ErrorCode::io_error));
  EXPECT_EQ(code(put(ref(bytes), 0, bytes)), ErrorCode::busy);
  faults_->always(std::nullopt);
  const MonoTime deadline = real_now().mono + kPatience;
  // The queue finds the store broken and has it opened anew, though no task is submitted.
  Result<net::Ok> answer = put(ref(bytes), 0, bytes);
  while (!answer && answer.error().code == ErrorCode::busy && real_now().mono < deadline) {
    answer = put(ref(bytes), 0, bytes);
  }
  ASSERT_TRUE(answer.ok()) << answer.error().text();
  EXPECT_TRUE(answer->blob->complete);
}

TEST_F(BlobsTest, TheActorMayFailInBetween) {
  const std::string bytes = content(kBlobChunkBytes + 1);
  ASSERT_TRUE(put(ref(bytes), 0, content(kBlobChunkBytes)).ok());
  ASSERT_TRUE(broker_->crash("blobs"));
  const MonoTime deadline = real_now().mono + kPatience;
  Result<net::Ok> answer = Error{ErrorCode::busy, "", "", "", ""};
  while (!answer && real_now().mono < deadline) {
    answer = client_->request(net::PutBlob{0, ref(bytes), kBlobChunkBytes, "x"},
                              std::chrono::milliseconds(500));
  }
  ASSERT_TRUE(answer.ok()) << answer.error().text();
  EXPECT_TRUE(answer->blob->complete);
}

}  // namespace
}  // namespace kiln::actors
