// Network namespaces that are used again: only those that nobody has touched.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>

#include "sandbox/network_pool.h"
#include "tests/sandbox/sandbox_fixture.h"

namespace kiln::sandbox {
namespace {

using model::Verdict;

constexpr uint16_t kPort = 9;

int open_socket(int family, int type) { return ::socket(family, type | SOCK_CLOEXEC, 0); }

void connect_to_loopback(int type) {
  const UniqueFd fd(open_socket(AF_INET, type));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(kPort);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
}

// In a process of its own: `use` runs inside a network of the pool. Whether it may be used again.
bool may_be_used_again(const std::function<void()>& use) {
  const int code = in_child([&use] {
    const UniqueFd proc(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    NetworkPool pool;
    if (pool.start(proc.get()) != 0) return 2;
    auto network = pool.take();
    if (!network || NetworkPool::enter(*network) != 0) return 3;
    use();
    if (pool.leave() != 0) return 4;
    pool.give_back(std::move(*network));
    return pool.idle() == 1 ? 0 : 1;
  });
  EXPECT_LE(code, 1);
  return code == 0;
}

TEST(NetworkPoolTest, WhatNobodyTouchedIsUsedAgain) {
  EXPECT_TRUE(may_be_used_again([] {}));
  EXPECT_TRUE(may_be_used_again([] {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ::close(pair[0]);
    ::close(pair[1]);
  }));
}

// Over IPv6 the kernel finds no address to begin with, and keeps and counts nothing.
TEST(NetworkPoolTest, AnAttemptToConnectSpoilsIt) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    EXPECT_FALSE(may_be_used_again([&] { connect_to_loopback(type); })) << type;
  }
}

TEST(NetworkPoolTest, ASocketThatIsLeftSpoilsIt) {
  for (const int family : {AF_UNIX, AF_INET, AF_INET6}) {
    EXPECT_FALSE(may_be_used_again([family] { open_socket(family, SOCK_STREAM); })) << family;
  }
}

TEST(NetworkPoolTest, NoMoreThanItsBoundWait) {
  EXPECT_EQ(in_child([] {
              const UniqueFd proc(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
              NetworkPool pool;
              if (pool.start(proc.get()) != 0) return 2;
              std::vector<Network> taken;
              for (size_t i = 0; i < kMaxIdleNetworks + 2; ++i) {
                auto network = pool.take();
                if (!network) return 3;
                taken.push_back(std::move(*network));
              }
              for (Network& network : taken) pool.give_back(std::move(network));
              return pool.idle() == kMaxIdleNetworks ? 0 : 1;
            }),
            0);
}

class NetworkTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(sandbox_.status().ok()) << sandbox_.status().error().text(); }
  // The namespace that the code ran in, as it says itself.
  std::string run_in(const std::string& code) {
    const model::TaskResult result =
        sandbox_.run(python(code + "\nimport os; print(os.readlink('/proc/self/ns/net'))"));
    EXPECT_EQ(result.verdict, Verdict::ok) << result.message << result.err.bytes;
    return result.out.bytes;
  }
  Sandbox sandbox_{Sandbox::default_launcher(), [] {}, 0};
};

TEST_F(NetworkTest, ACellThatTouchesItsNetworkIsItsLast) {
  const std::string first = run_in("");
  EXPECT_EQ(run_in(""), first);
  const std::string touched = run_in(R"(
import socket
s = socket.socket()
try: s.connect(('127.0.0.1', 80))
except OSError: pass
)");
  EXPECT_EQ(touched, first);
  EXPECT_NE(run_in(""), touched);
}

// Names and listeners of one cell, left open at its end, are not there for the next.
TEST_F(NetworkTest, TheNextCellFindsNothing) {
  run_in(R"(
import os, socket
s = socket.socket(socket.AF_UNIX); s.bind('\0left'); s.listen()
t = socket.socket(); t.bind(('', 5000)); t.listen()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('', 5000))
if os.fork() == 0:
    import time; time.sleep(1000)
)");
  const model::TaskResult result = sandbox_.run(python(R"(
import socket
s = socket.socket(socket.AF_UNIX)
try: s.connect('\0left'); print('there')
except OSError as e: print(e.strerror)
for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
    t = socket.socket(socket.AF_INET, kind); t.bind(('', 5000)); print('free')
)"));
  EXPECT_EQ(result.out.bytes, "Connection refused\nfree\nfree\n");
}

}  // namespace
}  // namespace kiln::sandbox
