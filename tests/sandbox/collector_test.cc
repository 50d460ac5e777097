// The copy-out path against trees that a hostile program could leave: nothing outside is read,
// nothing blocks, all is bounded, and each thing refused is named.
#include "sandbox/collector.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "sandbox/artifacts.h"
#include "sandbox/memory_file.h"
#include "tests/sandbox/sandbox_fixture.h"

namespace kiln::sandbox {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

constexpr const char* kSecret = "what no program may have";

class CollectorTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "collect_XXXXXX";
    box_ = mkdtemp(pattern.data());
    out_ = box_ / "out";
    fs::create_directory(out_);
    write(box_ / "secret", kSecret);
    run_.limits = model::Limits{};
    run_.collect_file_bytes = 1'000;
  }
  void TearDown() override { fs::remove_all(box_); }

  static void write(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }

  model::TaskResult collect() {
    const UniqueFd box(::open(box_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    Collector collector(box.get(), {run_.limits.artifact_files, run_.limits.artifact_bytes,
                                    static_cast<int64_t>(run_.collect_file_bytes)});
    while (collector.step()) {
    }
    EXPECT_EQ(collector.error(), 0);
    model::TaskResult result;
    add_artifacts(collector.take(), run_, result);
    EXPECT_EQ(result.verdict, model::Verdict::none) << result.message;
    return result;
  }

  fs::path box_, out_;
  wire::Run run_;
};

TEST_F(CollectorTest, TakesFilesInOrderWithTheirPaths) {
  fs::create_directories(out_ / "b" / "c");
  write(out_ / "z", "last");
  write(out_ / "b" / "c" / "deep", std::string("\0\xFF", 2));
  write(out_ / "a", "");
  write(out_ / "h\xC3\xA9llo w\xC3\xB6rld", "text");
  const model::TaskResult result = collect();
  EXPECT_THAT(result.artifacts,
              ElementsAre(model::Artifact{"a", 0, ""},
                          model::Artifact{"b/c/deep", 2, std::string("\0\xFF", 2)},
                          model::Artifact{"h\xC3\xA9llo w\xC3\xB6rld", 4, "text"},
                          model::Artifact{"z", 4, "last"}));
  EXPECT_THAT(result.artifacts_refused, IsEmpty());
}

TEST_F(CollectorTest, AMissingDirectoryIsNothing) {
  fs::remove(out_);
  EXPECT_EQ(collect(), model::TaskResult{});
}

TEST_F(CollectorTest, NoLinkLeadsOut) {
  fs::create_symlink("../secret", out_ / "link");
  fs::create_symlink("/etc", out_ / "directory");
  fs::create_symlink("/proc/self/root/etc/passwd", out_ / "magic");
  const model::TaskResult result = collect();
  EXPECT_THAT(result.artifacts, IsEmpty());
  EXPECT_THAT(result.artifacts_refused,
              ElementsAre("directory: it is a symbolic link", "link: it is a symbolic link",
                          "magic: it is a symbolic link"));
}

TEST_F(CollectorTest, TheDirectoryItselfMayBeNoLink) {
  fs::remove(out_);
  fs::create_directory_symlink("/etc", out_);
  EXPECT_THAT(collect().artifacts_refused, ElementsAre("/box/out: it is not a directory"));
  fs::remove(out_);
  write(out_, "a file");
  EXPECT_THAT(collect().artifacts_refused, ElementsAre("/box/out: it is not a directory"));
}

TEST_F(CollectorTest, SpecialFilesAreNamedAndNotOpened) {
  ASSERT_EQ(::mkfifo((out_ / "fifo").c_str(), 0666), 0);
  ASSERT_EQ(::mknod((out_ / "device").c_str(), S_IFCHR | 0666, ::makedev(1, 5)), 0);
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (out_ / "socket").string().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  fs::create_hard_link(box_ / "secret", out_ / "hard");
  const model::TaskResult result = collect();
  EXPECT_THAT(result.artifacts, IsEmpty());
  EXPECT_THAT(result.artifacts_refused,
              ElementsAre("device: it is a device", "fifo: it is a FIFO",
                          "hard: it has several names (hard links)", "socket: it is a socket"));
}

TEST_F(CollectorTest, AHugeSparseFileIsNotRead) {
  write(out_ / "sparse", "");
  fs::resize_file(out_ / "sparse", uint64_t{1} << 40U);
  write(out_ / "just", std::string(1'000, 'x'));
  const model::TaskResult result = collect();
  EXPECT_THAT(result.artifacts, SizeIs(1));
  EXPECT_THAT(result.artifacts_refused,
              ElementsAre("sparse: it is too large (1099511627776 bytes; the most is 1000)"));
}

TEST_F(CollectorTest, ADeepTreeIsCutOff) {
  fs::path at = out_;
  for (size_t i = 0; i < 30; ++i) at /= "d";
  fs::create_directories(at);
  write(at / "unseen", "x");
  write(out_ / "d" / "seen", "x");
  const model::TaskResult result = collect();
  EXPECT_THAT(result.artifacts, ElementsAre(model::Artifact{"d/seen", 1, "x"}));
  EXPECT_THAT(result.artifacts_refused, ElementsAre("d/d/d/d/d/d/d/d: it lies too deep"));
}

TEST_F(CollectorTest, FilesAndBytesAreCounted) {
  for (const char* name : {"a", "b", "c", "d"}) write(out_ / name, "1234567890");
  run_.limits.artifact_files = 3;
  model::TaskResult result = collect();
  EXPECT_THAT(result.artifacts, SizeIs(3));
  EXPECT_THAT(result.artifacts_refused,
              ElementsAre("d: there are too many files (artifact_files: 3)"));
  run_.limits.artifact_files = 64;
  run_.limits.artifact_bytes = 25;
  result = collect();
  EXPECT_THAT(result.artifacts, SizeIs(2));
  EXPECT_THAT(result.artifacts_refused,
              Contains("c: the files are too large together (artifact_bytes: 25)"));
}

TEST_F(CollectorTest, AbsurdNamesAreShownHarmless) {
  write(out_ / "new\nline", "x");
  write(out_ / "\xFF\xFE", "x");
  write(out_ / "\x1B[2J", "x");
  write(out_ /
            "\xC2\x9B"
            "1m",
        "x");
  write(out_ / "..x", "fine");
  write(out_ / std::string(255, 'n'), "long");
  const model::TaskResult result = collect();
  EXPECT_THAT(result.artifacts, SizeIs(2));
  EXPECT_THAT(result.artifacts_refused,
              ElementsAre("\\x1b[2J: its name is not plain UTF-8 text",
                          "new\\x0aline: its name is not plain UTF-8 text", testing::_,
                          "\\xff\\xfe: its name is not plain UTF-8 text"));
}

TEST_F(CollectorTest, ALongPathIsRefused) {
  const fs::path at = out_ / std::string(255, 'a') / std::string(250, 'b');
  fs::create_directories(at);
  write(at / "xxxxxx", "x");
  write(at / "xxxxx", "x");
  const model::TaskResult result = collect();
  EXPECT_THAT(result.artifacts, SizeIs(1));
  ASSERT_THAT(result.artifacts_refused, SizeIs(1));
  EXPECT_THAT(result.artifacts_refused[0], HasSubstr(": its path is too long"));
}

TEST_F(CollectorTest, DirectoriesWithoutPermissionsAreNoObstacle) {
  fs::create_directory(out_ / "locked");
  write(out_ / "locked" / "file", "x");
  fs::permissions(out_ / "locked" / "file", fs::perms::none);
  fs::permissions(out_ / "locked", fs::perms::none);
  EXPECT_THAT(collect().artifacts, ElementsAre(model::Artifact{"locked/file", 1, "x"}));
}

TEST_F(CollectorTest, ALineForEachRefusalUpToABound) {
  for (int i = 0; i < 100; ++i) fs::create_symlink("x", out_ / ("l" + std::to_string(i)));
  const model::TaskResult result = collect();
  ASSERT_THAT(result.artifacts_refused, SizeIs(kMaxRefusalsListed + 1));
  EXPECT_EQ(result.artifacts_refused.back(), "36 more were refused");
}

TEST_F(CollectorTest, EntriesAreBounded) {
  for (size_t i = 0; i < kMaxEntriesRead + 50; ++i) {
    ASSERT_EQ(::mkdir((out_ / std::to_string(i)).c_str(), 0755), 0);
  }
  const model::TaskResult result = collect();
  EXPECT_THAT(result.artifacts_refused,
              ElementsAre("/box/out: there are too many entries: the rest was left"));
}

TEST_F(CollectorTest, AMountIsNotEntered) {
  const int code = in_child([&] {
    fs::create_directory(out_ / "mount");
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("t", (out_ / "mount").c_str(), "tmpfs", 0, "size=64k") != 0) {
      return 2;
    }
    write(out_ / "mount" / "foreign", "x");
    const model::TaskResult result = collect();
    return result.artifacts.empty() && result.artifacts_refused.size() == 1 &&
                   result.artifacts_refused[0].starts_with("mount: it could not be read")
               ? 0
               : 1;
  });
  EXPECT_EQ(code, 0);
}

// In truth nobody is left to do this; the checks hold all the same.
TEST_F(CollectorTest, ASwapBetweenLookingAndOpeningGainsNothing) {
  constexpr int kRounds = 2'000;
  const fs::path file = out_ / "file";
  const fs::path link = box_ / "link";
  write(file, "harmless");
  fs::create_symlink("../secret", link);
  std::atomic<bool> stop = false;
  std::thread swapper([&] {
    constexpr unsigned kExchange = 2;  // RENAME_EXCHANGE
    while (!stop)
      ::syscall(SYS_renameat2, AT_FDCWD, file.c_str(), AT_FDCWD, link.c_str(), kExchange);
  });
  for (int i = 0; i < kRounds; ++i) {
    const model::TaskResult result = collect();
    for (const model::Artifact& artifact : result.artifacts) {
      ASSERT_EQ(artifact.bytes, "harmless") << "round " << i;
    }
    ASSERT_EQ(result.artifacts.size() + result.artifacts_refused.size(), 1U);
  }
  stop = true;
  swapper.join();
}

TEST_F(CollectorTest, ACopyThatIsNotSealedIsNotRead) {
  const UniqueFd open(::open((box_ / "secret").c_str(), O_RDONLY | O_CLOEXEC));
  model::TaskResult result;
  add_artifacts(UniqueFd(::dup(open.get())), run_, result);
  EXPECT_EQ(result.verdict, model::Verdict::infrastructure_error);
  auto damaged = make_memory_file("damaged", "not a record");
  ASSERT_TRUE(damaged.ok());
  result = {};
  add_artifacts(std::move(*damaged), run_, result);
  EXPECT_EQ(result.verdict, model::Verdict::infrastructure_error);
}

// --- out of real cells

class CellArtifactsTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(sandbox_.status().ok()) << sandbox_.status().error().text(); }

  static CellRequest leaving(const std::string& code) {
    CellRequest request = python(code);
    request.collect_file_bytes = 64 * 1024;
    return request;
  }

  Sandbox sandbox_;
};

TEST_F(CellArtifactsTest, ComeBackWithTheResult) {
  const model::TaskResult result = sandbox_.run(leaving(R"(
import os
os.makedirs('/box/out/plots')
open('/box/out/plots/a.png', 'wb').write(b'\x89PNG\0')
open('/box/elsewhere', 'w').write('not asked for')
)"));
  EXPECT_EQ(result.verdict, model::Verdict::ok) << result.message << result.err.bytes;
  EXPECT_THAT(result.artifacts,
              ElementsAre(model::Artifact{"plots/a.png", 5, std::string("\x89PNG\0", 5)}));
}

TEST_F(CellArtifactsTest, NothingIsCollectedUnlessAsked) {
  const model::TaskResult result = sandbox_.run(python(R"(
import os
print(os.path.exists('/box/out'))
os.mkdir('/box/out'); open('/box/out/a', 'w').close()
)"));
  EXPECT_EQ(result.out.bytes, "False\n");
  EXPECT_THAT(result.artifacts, IsEmpty());
}

TEST_F(CellArtifactsTest, ComeBackAfterALimitToo) {
  CellRequest request = leaving(R"(
open('/box/out/part', 'w').write('so far')
while True: pass
)");
  request.limits.wall_ms = scaled_ms(500);
  const model::TaskResult result = sandbox_.run(std::move(request));
  EXPECT_EQ(result.verdict, model::Verdict::wall_timeout);
  EXPECT_THAT(result.artifacts, ElementsAre(model::Artifact{"part", 6, "so far"}));
}

TEST_F(CellArtifactsTest, AHostileTreeIsTakenApartAndNothingIsLeft) {
  ASSERT_EQ(sandbox_.run(python("pass")).verdict, model::Verdict::ok);
  const Footprint before = footprint_at_rest(sandbox_);
  const model::TaskResult result = sandbox_.run(leaving(R"(
import os, socket
os.chdir('/box/out')
os.symlink('/etc/passwd', 'link'); os.symlink('/', 'root')
os.mkfifo('fifo')
s = socket.socket(socket.AF_UNIX); s.bind('socket')
open('one', 'w').write('x'); os.link('one', 'two')
with open('sparse', 'wb') as f: f.truncate(90 << 20)
open('new\nline', 'w').close()
os.mkdir('locked'); open('locked/in', 'w').write('kept'); os.chmod('locked', 0)
try: os.mknod('device', 0o20666, os.makedev(1, 5))
except OSError as e: print(e.errno)
if os.fork() == 0:
    os.setsid()
    while True: open('/box/out/late', 'w').write('daemon'); os.unlink('/box/out/late')
)"));
  EXPECT_EQ(result.verdict, model::Verdict::ok) << result.message << result.err.bytes;
  EXPECT_EQ(result.out.bytes, "1\n") << "no device can be made";
  EXPECT_THAT(result.artifacts, Contains(model::Artifact{"locked/in", 4, "kept"}));
  EXPECT_THAT(result.artifacts_refused, testing::IsSupersetOf({
                                            "fifo: it is a FIFO",
                                            "link: it is a symbolic link",
                                            "new\\x0aline: its name is not plain UTF-8 text",
                                            "one: it has several names (hard links)",
                                            "root: it is a symbolic link",
                                            "socket: it is a socket",
                                            "two: it has several names (hard links)",
                                        }));
  // The launcher closes what it has just sent a moment after it is told here.
  EXPECT_TRUE(eventually([&] { return footprint(sandbox_) == before; }))
      << testing::PrintToString(footprint(sandbox_));
}

TEST_F(CellArtifactsTest, TheDirectoryMayNotBeReplacedByALink) {
  const model::TaskResult result = sandbox_.run(leaving(R"(
import os
os.rmdir('/box/out'); os.symlink('/etc', '/box/out')
)"));
  EXPECT_THAT(result.artifacts, IsEmpty());
  EXPECT_THAT(result.artifacts_refused, ElementsAre("/box/out: it is not a directory"));
}

TEST_F(CellArtifactsTest, ManyLargeOnesDoNotHoldUpOthers) {
  CellRequest large = leaving(R"(
for i in range(60):
    open(f'/box/out/{i}', 'wb').write(bytes([i]) * (1 << 20))
)");
  large.collect_file_bytes = 1U << 20U;
  large.limits.box_bytes = 80 * model::kMB;
  large.limits.memory_bytes = 256 * model::kMB;
  const CellId first = sandbox_.start(std::move(large));
  const CellId second = sandbox_.start(python("print('honest')"));
  EXPECT_EQ(sandbox_.wait(second).out.bytes, "honest\n");
  const model::TaskResult result = sandbox_.wait(first);
  ASSERT_THAT(result.artifacts, SizeIs(60)) << result.message << result.err.bytes;
  for (const model::Artifact& artifact : result.artifacts) {
    const auto fill = static_cast<char>(std::stoi(artifact.path));
    EXPECT_EQ(artifact.bytes, std::string(1U << 20U, fill)) << artifact.path;
  }
}

TEST_F(CellArtifactsTest, AProgramCanBeRunAndNotBeChanged) {
  CellRequest request = python(R"(
import os, subprocess
print(subprocess.run(['/box/tool'], capture_output=True, text=True).stdout, end='')
for attempt in (lambda: open('/box/tool', 'w'), lambda: os.chmod('/box/tool', 0o777)):
    try: attempt(); print('changed')
    except PermissionError: print('refused')
)");
  request.programs = {{"tool", "#!/bin/sh\necho from the tool\n"}};
  const model::TaskResult result = sandbox_.run(std::move(request));
  EXPECT_EQ(result.out.bytes, "from the tool\nrefused\nrefused\n") << result.err.bytes;
}

}  // namespace
}  // namespace kiln::sandbox
