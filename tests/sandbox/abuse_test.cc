// Programs that mean harm, where more is looked at than a row of tests/security can say.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "tests/sandbox/sandbox_fixture.h"

namespace kiln::sandbox {
namespace {

using model::LimitHit;
using model::Verdict;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr int64_t kMicrosPerMilli = 1'000;

class AbuseTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(sandbox_.status().ok()) << sandbox_.status().error().text();
    before_ = footprint_at_rest(sandbox_);
  }
  void TearDown() override {
    if (!sandbox_.status().ok()) return;
    // Descriptors and cgroups are gone when the results are told; the launcher may still be
    // closing.
    EXPECT_TRUE(eventually([this] { return footprint(sandbox_) == before_; }))
        << testing::PrintToString(footprint(sandbox_))
        << "\nbefore: " << testing::PrintToString(before_);
  }

  // The bad program beside an honest one, which must end well.
  model::TaskResult run_beside_neighbour(CellRequest bad) {
    const CellId neighbour = sandbox_.start(program("neighbour.py"));
    sandbox_.wait_output(neighbour, "hidden");
    model::TaskResult result = sandbox_.run(std::move(bad));
    const model::TaskResult honest = sandbox_.wait(neighbour);
    EXPECT_EQ(honest.verdict, Verdict::ok) << honest.message << honest.err.bytes;
    EXPECT_EQ(honest.out.bytes.size(), 7U + 64 + 1);  // "hidden" and a SHA-256
    return result;
  }

  Sandbox sandbox_;
  Footprint before_{};
};

TEST_F(AbuseTest, MemoryBomb) {
  CellRequest request = program("memory_bomb.py");
  request.limits.memory_bytes = 64 * model::kMB;
  const model::TaskResult result = run_beside_neighbour(request);
  EXPECT_EQ(result.verdict, Verdict::memory_limit) << result.message;
  EXPECT_THAT(result.limits_hit, Contains(LimitHit::memory));
  EXPECT_LE(result.cost.memory_charged_bytes.value_or(0), 64 * model::kMB);
  EXPECT_GE(result.cost.memory_charged_bytes.value_or(0), 60 * model::kMB);
  EXPECT_THAT(result.message, HasSubstr("64 MB"));
}

TEST_F(AbuseTest, AChildsMemoryBombEndsTheWholeCell) {
  CellRequest request = python(R"(
import os, time
if os.fork() == 0:
    hoard = []
    while True: hoard.append(bytearray(b'x' * (4 << 20)))
time.sleep(3600)
)");
  request.limits.memory_bytes = 64 * model::kMB;
  const model::TaskResult result = sandbox_.run(request);
  EXPECT_EQ(result.verdict, Verdict::memory_limit);
  EXPECT_LT(result.cost.wall_us, request.limits.wall_ms * kMicrosPerMilli / 2);
}

// Kernel memory that no control group counts.
TEST_F(AbuseTest, FileLocks) {
  CellRequest request = program("locks.py");
  request.limits.memory_bytes = 16 * model::kMB;
  request.limits.wall_ms = scaled_ms(30'000);
  const model::TaskResult result = run_beside_neighbour(request);
  EXPECT_EQ(result.verdict, Verdict::ok) << result.message << result.err.bytes;
  // A quarter of the limit, 192 bytes each.
  EXPECT_EQ(result.out.bytes, "ENOLCK 21845\n");
}

TEST_F(AbuseTest, FileLocksStillLockAndWait) {
  CellRequest request = python(R"(
import fcntl, os
f = open('/tmp/l', 'w')
fcntl.lockf(f, fcntl.LOCK_EX)
r, w = os.pipe()
if os.fork() == 0:
    g = open('/tmp/l', 'r+')
    try: fcntl.lockf(g, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError: os.write(w, b'held ')
    fcntl.lockf(g, fcntl.LOCK_EX)
    os.write(w, b'mine')
    os._exit(0)
seen = os.read(r, 5)
fcntl.lockf(f, fcntl.LOCK_UN)
os.wait()
print((seen + os.read(r, 4)).decode())
)");
  EXPECT_EQ(sandbox_.run(request).out.bytes, "held mine\n");
}

TEST_F(AbuseTest, ASmallCpuShareDelaysNoEnd) {
  CellRequest request = python("");
  request.argv = {"/bin/bash", "-c", "for i in $(seq 60); do sleep 1000 & done; wait"};
  request.limits.processes = 64;
  request.limits.cpus_milli = 10;
  request.limits.wall_ms = scaled_ms(6'000);
  const model::TaskResult result = sandbox_.run(request);
  EXPECT_EQ(result.verdict, Verdict::wall_timeout) << result.message;
  EXPECT_LT(result.cost.wall_us, scaled_ms(6'500) * kMicrosPerMilli);
}

TEST_F(AbuseTest, OutputFlood) {
  CellRequest request = program("output_flood.py");
  request.limits.output_bytes = 100'000;
  const model::TaskResult result = run_beside_neighbour(request);
  EXPECT_EQ(result.verdict, Verdict::output_limit) << result.message;
  EXPECT_THAT(result.limits_hit, Contains(LimitHit::output));
  EXPECT_EQ(result.out.bytes.size(), 100'000U);
  EXPECT_EQ(result.err.bytes.size(), 100'000U);
  EXPECT_TRUE(result.out.bytes.starts_with("flood flood "));
  EXPECT_GT(result.out.dropped_bytes, 14 * 100'000);
}

// A server on the host's loopback that counts who comes.
class Server {
 public:
  Server()
      : tcp_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
        local_(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(tcp_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(tcp_.get(), 4), 0);
    ::getsockname(tcp_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    name_ = "kiln-test-" + std::to_string(::getpid());
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    std::memcpy(local.sun_path + 1, name_.data(), name_.size());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name_.size());
    EXPECT_EQ(::bind(local_.get(), reinterpret_cast<sockaddr*>(&local), length), 0);
    EXPECT_EQ(::listen(local_.get(), 4), 0);
  }
  std::vector<std::string> arguments() const { return {std::to_string(port_), name_}; }
  bool anybody_came() const {
    return ::accept(tcp_.get(), nullptr, nullptr) >= 0 ||
           ::accept(local_.get(), nullptr, nullptr) >= 0;
  }

 private:
  UniqueFd tcp_, local_;
  int port_ = 0;
  std::string name_;
};

TEST_F(AbuseTest, Network) {
  const Server server;
  const model::TaskResult result = run_beside_neighbour(program("network.py", server.arguments()));
  EXPECT_EQ(result.verdict, Verdict::ok) << result.message << result.err.bytes;
  EXPECT_THAT(result.out.bytes, Not(HasSubstr("connected")));
  EXPECT_THAT(result.out.bytes, HasSubstr("loopback: Network is unreachable\n"));
  EXPECT_THAT(result.out.bytes, HasSubstr("metadata: Network is unreachable\n"));
  EXPECT_THAT(result.out.bytes, HasSubstr("abstract: Connection refused\n"));
  EXPECT_THAT(result.out.bytes, HasSubstr("lookup: failed\n"));
  EXPECT_FALSE(server.anybody_came());
}

TEST_F(AbuseTest, ReadingAnothersFile) {
  const model::TaskResult result = run_beside_neighbour(program("read_other.py"));
  EXPECT_EQ(result.verdict, Verdict::ok) << result.message << result.err.bytes;
  EXPECT_EQ(result.out.bytes, "found:\n");
  // And not after the neighbour has gone, from a cell that may have its user id next.
  EXPECT_EQ(sandbox_.run(program("read_other.py")).out.bytes, "found:\n");
}

}  // namespace
}  // namespace kiln::sandbox
