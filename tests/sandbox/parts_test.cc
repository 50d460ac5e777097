// The small parts: output streams, memory files, step words, small files, user id ranges.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "sandbox/files.h"
#include "sandbox/memory_file.h"
#include "sandbox/output_stream.h"
#include "sandbox/socket.h"
#include "sandbox/steps.h"
#include "sandbox/uid_range.h"

namespace kiln::sandbox {
namespace {

using testing::HasSubstr;

class OutputStreamTest : public testing::Test {
 protected:
  explicit OutputStreamTest(int64_t keep = 10) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    EXPECT_EQ(::fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    writer_.reset(ends[1]);
    stream_ = OutputStream(UniqueFd(ends[0]), keep);
  }
  void write(const std::string& text) {
    ASSERT_EQ(::write(writer_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    stream_.read_some([this](uint64_t offset, std::string_view bytes) {
      EXPECT_EQ(offset, live_.size());
      live_ += bytes;
    });
  }

  UniqueFd writer_;
  OutputStream stream_;
  std::string live_;
};

TEST_F(OutputStreamTest, KeepsTheFirstBytesAndCountsTheRest) {
  write("12345");
  write("678901234");
  write("more");
  EXPECT_EQ(live_, "1234567890");
  const model::StreamOutput out = stream_.take();
  EXPECT_EQ(out.bytes, "1234567890");
  EXPECT_EQ(out.dropped_bytes, 8);
  EXPECT_TRUE(out.truncated);
}

TEST_F(OutputStreamTest, ExactlyTheCapIsNotTruncated) {
  write("1234567890");
  EXPECT_FALSE(stream_.take().truncated);
}

TEST_F(OutputStreamTest, AFloodIsMoreThanSixteenCaps) {
  write(std::string(160, 'x'));
  EXPECT_FALSE(stream_.flooded());
  write("x");
  EXPECT_TRUE(stream_.flooded());
}

TEST_F(OutputStreamTest, TheEndClosesThePipe) {
  EXPECT_GE(stream_.fd(), 0);
  writer_.reset();
  stream_.read_some([](uint64_t, std::string_view) {});
  EXPECT_EQ(stream_.fd(), -1);
}

TEST(MemoryFileTest, NobodyChangesItAnyMore) {
  const UniqueFd file = make_memory_file("test", "content").value();
  EXPECT_TRUE(is_sealed(file.get()));
  char buffer[16] = {};
  EXPECT_EQ(::read(file.get(), buffer, sizeof buffer), 7);
  EXPECT_STREQ(buffer, "content");
  EXPECT_LT(::pwrite(file.get(), "x", 1, 0), 0);
  EXPECT_NE(::ftruncate(file.get(), 0), 0);
  EXPECT_NE(::ftruncate(file.get(), 100), 0);
}

TEST(MemoryFileTest, AnOrdinaryFileIsNotSealed) {
  const UniqueFd file(::memfd_create("test", MFD_CLOEXEC));
  EXPECT_FALSE(is_sealed(file.get()));
}

TEST(StepsTest, EachHasANameOfItsOwnAndWords) {
  std::set<std::string> names;
  uint32_t number = 1;
  for (; is_step(number); ++number) {
    const auto step = static_cast<Step>(number);
    EXPECT_TRUE(names.insert(std::string(step_name(step))).second) << step_name(step);
    const Error error = describe({step, EPERM, 3});
    EXPECT_EQ(error.code, ErrorCode::sandbox);
    EXPECT_THAT(error.text(), HasSubstr("step " + std::string(step_name(step)) + ", number 3"));
    EXPECT_THAT(error.text(), HasSubstr("Operation not permitted"));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(Step::launcher_start));
  EXPECT_EQ(step_name(static_cast<Step>(number)), "none");
}

TEST(FilesTest, KeyedNumbers) {
  const std::string text = "oom 1\noom_kill 3\nmax 12";
  EXPECT_EQ(keyed_number(text, "oom"), 1);
  EXPECT_EQ(keyed_number(text, "oom_kill"), 3);
  EXPECT_EQ(keyed_number(text, "max"), 12);
  EXPECT_EQ(keyed_number(text, "kill"), std::nullopt);
  EXPECT_EQ(keyed_number("", "oom"), std::nullopt);
}

TEST(SocketTest, CarriesBytesAndDescriptors) {
  auto [ours, theirs] = packet_socket_pair().value();
  const UniqueFd file = make_memory_file("test", "through").value();
  const int fd = file.get();
  ASSERT_EQ(send_struct(ours.get(), uint64_t{42}, std::span(&fd, 1)), 0);
  const Packet packet = receive_packet(theirs.get());
  EXPECT_EQ(packet.bytes.size(), sizeof(uint64_t));
  ASSERT_EQ(packet.fds.size(), 1U);
  EXPECT_TRUE(is_sealed(packet.fds[0].get()));
  EXPECT_NE(::fcntl(packet.fds[0].get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(receive_packet(theirs.get(), MSG_DONTWAIT).error, EAGAIN);
  ours.reset();
  EXPECT_TRUE(receive_packet(theirs.get()).end_of_file);
}

TEST(UidRangeTest, KnowsWhatTheHostUses) {
  const std::string passwd = "root:x:0:0::/:/bin/sh\nkiln:x:231080:231080::/:/bin/sh\nbad line\n";
  EXPECT_TRUE(passwd_uses(passwd, 231'072, 16));
  EXPECT_FALSE(passwd_uses(passwd, 231'072, 8));
  EXPECT_FALSE(passwd_uses(passwd, 231'081, 100));
  const std::string subuid = "user:100000:65536\nother:300000:65536\n";
  EXPECT_TRUE(subids_use(subuid, 165'535, 1));
  EXPECT_FALSE(subids_use(subuid, 165'536, 100'000));
  EXPECT_TRUE(subids_use(subuid, 200'000, 100'001));
}

class UidLockTest : public testing::Test {
 protected:
  UidLockTest() : file_(testing::TempDir() + "/uids-" + std::to_string(::getpid())) {}
  ~UidLockTest() override { ::unlink(file_.c_str()); }

  std::optional<UidRange> lock() { return UidRange::lock(file_, 3'000'000'000U, 4, failure_); }

  std::string file_;
  StepFailure failure_;
};

TEST_F(UidLockTest, TwoLaunchersNeverShareABlock) {
  auto one = lock();
  auto two = lock();
  ASSERT_TRUE(one && two);
  EXPECT_EQ(one->first(), 3'000'000'000U);
  EXPECT_EQ(two->first(), 3'000'000'004U);
  one.reset();
  EXPECT_EQ(lock()->first(), 3'000'000'000U);
}

TEST_F(UidLockTest, GivesPairsRoundRobinUntilNoneIsLeft) {
  auto range = lock();
  ASSERT_TRUE(range);
  EXPECT_EQ(range->capacity(), 2U);
  const auto one = range->take();
  ASSERT_TRUE(one);
  EXPECT_EQ(one->init, one->program + 1);
  const auto two = range->take();
  ASSERT_TRUE(two);
  EXPECT_EQ(two->program, one->program + 2);
  EXPECT_FALSE(range->take());
  range->give_back(*one);
  EXPECT_EQ(range->take()->program, one->program);
}

TEST_F(UidLockTest, AFileThatCannotBeOpenedIsTold) {
  StepFailure failure;
  EXPECT_FALSE(UidRange::lock("/nowhere/uids.lock", 1'000, 4, failure));
  EXPECT_EQ(failure.step, Step::uid_range);
  EXPECT_EQ(failure.error, ENOENT);
}

}  // namespace
}  // namespace kiln::sandbox
