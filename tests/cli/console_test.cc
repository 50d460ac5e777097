#include "cli/console.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <thread>

#include "base/fd.h"
#include "cli/notice.h"

namespace kiln::cli {
namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    out.reset(ends[0]);
    in.reset(ends[1]);
  }
  UniqueFd out;
  UniqueFd in;
};

std::string read_to_end(int fd) {
  std::string all;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 0; (n = read(fd, buffer.data(), buffer.size())) > 0;) {
    all.append(buffer.data(), static_cast<size_t>(n));
  }
  return all;
}

TEST(WriteBytes, WritesEveryByte) {
  Pipe pipe;
  const std::string bytes(300'000, '\0');
  std::string got;
  std::thread reader([&] { got = read_to_end(pipe.out.get()); });
  EXPECT_EQ(write_bytes(pipe.in.get(), bytes, -1), Written::all);
  pipe.in.reset();
  reader.join();
  EXPECT_EQ(got, bytes);
}

TEST(WriteBytes, AWakeUpEndsTheWaitForASlowReader) {
  const Pipe pipe;
  Notice wake;
  std::thread waker([&] { wake.raise(); });
  // Nobody reads, and no pipe holds this much: without the wake-up this would never return.
  EXPECT_EQ(write_bytes(pipe.in.get(), std::string(10'000'000, 'x'), wake.fd()),
            Written::interrupted);
  waker.join();
}

TEST(WriteBytes, AReaderThatLeftIsTold) {
  signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  pipe.out.reset();
  EXPECT_EQ(write_bytes(pipe.in.get(), "x", -1), Written::closed);
}

TEST(WriteBytes, OtherErrorsAreTold) {
  const UniqueFd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  EXPECT_EQ(write_bytes(full.get(), "x", -1), Written::failed);
  EXPECT_EQ(errno, ENOSPC);
}

TEST(Say, IsOneLineWhateverItHolds) {
  testing::internal::CaptureStderr();
  say("a\nb\x1b[1m");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "kiln: a b [1m\n");
}

}  // namespace
}  // namespace kiln::cli
