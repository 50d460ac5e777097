// Finding, making, sweeping control groups. What needs the kernel's groups is in the second half.
#include "sandbox/cgroup.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "sandbox/files.h"

namespace kiln::sandbox {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

constexpr const char* kMountsV1 =
    "30 29 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
    "32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "33 30 0:29 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";
constexpr const char* kMountsV2 =
    "31 30 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";

TEST(FindCgroupsTest, Version1WithJoinedHierarchies) {
  const CgroupLayout layout = find_cgroups(
      kMountsV1, "4:memory:/user/x\n3:cpu,cpuacct:/\n2:pids:/a/b\n1:name=systemd:/q\n", "");
  EXPECT_EQ(layout.version, 1U);
  EXPECT_EQ(layout.memory, "/sys/fs/cgroup/memory/user/x");
  EXPECT_EQ(layout.cpu, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(layout.cpuacct, layout.cpu);
  EXPECT_EQ(layout.pids, "/sys/fs/cgroup/pids/a/b");
  EXPECT_EQ(layout.directories.size(), 3U);
}

TEST(FindCgroupsTest, AContainersMountsShowTheOwnPathAsTheirRoot) {
  const CgroupLayout layout = find_cgroups(
      "32 30 0:28 /docker/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory,cpu,"
      "cpuacct,pids\n",
      "4:memory,cpu,cpuacct,pids:/docker/1\n", "");
  EXPECT_EQ(layout.version, 1U);
  EXPECT_THAT(layout.directories, ElementsAre("/sys/fs/cgroup/memory"));
}

TEST(FindCgroupsTest, Version2TriesTheOwnGroupAndThenTheRoot) {
  const CgroupLayout layout =
      find_cgroups(kMountsV2, "0::/system.slice/kiln.service\n", "cpuset cpu io memory pids\n");
  EXPECT_EQ(layout.version, 2U);
  EXPECT_THAT(layout.directories,
              ElementsAre("/sys/fs/cgroup/system.slice/kiln.service", "/sys/fs/cgroup"));
}

TEST(FindCgroupsTest, AHybridHostKeepsToVersion1) {
  const std::string mounts =
      std::string(kMountsV1) + "34 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
  EXPECT_EQ(find_cgroups(mounts, "0::/\n", "hugetlb").version, 1U);
}

TEST(FindCgroupsTest, NamesTheControllerThatIsMissing) {
  const CgroupLayout layout =
      find_cgroups("32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
                   "4:memory:/\n", "memory");
  EXPECT_EQ(layout.version, 0U);
  EXPECT_EQ(layout.missing, "cpu");
  EXPECT_EQ(find_cgroups("", "", "").version, 0U);
  EXPECT_EQ(find_cgroups("nonsense\n\n - \n", "::::\n\n", "\n\n").version, 0U);
}

TEST(CpuQuotaTest, IsAShareOfThePeriod) {
  model::Limits limits;
  limits.cpus_milli = 1'500;
  EXPECT_EQ(cpu_quota_us(limits), 150'000);
  limits.cpus_milli = 1;
  EXPECT_EQ(cpu_quota_us(limits), kMinCpuQuotaUs);
}

// --- on the kernel's own groups

class CgroupTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(layout_.version, 0U) << "no controller " << layout_.missing;
    tree_ = make_cgroup_tree(layout_, failure_);
    ASSERT_TRUE(tree_) << describe(failure_).text();
  }
  std::vector<fs::path> instances() const {
    std::vector<fs::path> out;
    for (const std::string& directory : layout_.directories) {
      for (const auto& entry : fs::directory_iterator(directory)) {
        if (entry.path().filename().string().starts_with("kiln-")) out.push_back(entry.path());
      }
    }
    return out;
  }

  CgroupLayout layout_ = find_own_cgroups();
  StepFailure failure_;
  std::unique_ptr<CgroupTree> tree_;
};

TEST_F(CgroupTest, ACellIsMadeWithItsLimitsAndRemoved) {
  model::Limits limits;
  limits.memory_bytes = 50 * model::kMB;
  limits.processes = 7;
  auto cell = tree_->create("cell", limits, failure_);
  ASSERT_TRUE(cell) << describe(failure_).text();
  EXPECT_GE(cell->oom_fd(), 0);
  EXPECT_EQ(cell->cpu_us(), 0);
  EXPECT_EQ(cell->counters().oom_events, 0);
  EXPECT_FALSE(tree_->create("cell", limits, failure_)) << "a name is used once";
  EXPECT_EQ(failure_.step, Step::cgroup_create);
  EXPECT_EQ(failure_.error, EEXIST);
  EXPECT_EQ(cell->remove(), 0);
}

TEST_F(CgroupTest, LimitsThatTheKernelRefusesLeaveNothing) {
  model::Limits limits;
  limits.processes = -5;
  EXPECT_FALSE(tree_->create("cell", limits, failure_));
  EXPECT_EQ(failure_.step, Step::cgroup_limits);
  limits.processes = 1;
  auto again = tree_->create("cell", limits, failure_);
  EXPECT_TRUE(again) << describe(failure_).text();
  EXPECT_EQ(again->remove(), 0);
}

TEST_F(CgroupTest, TheInstanceGoesWithItsTree) {
  const auto with = instances();
  tree_.reset();
  const auto without = instances();
  EXPECT_TRUE(std::ranges::any_of(with, [&](const fs::path& path) {
    return std::ranges::find(without, path) == without.end();
  }));
}

TEST_F(CgroupTest, ASweepTakesTheDeadAndSparesTheLiving) {
  const fs::path dead = fs::path(layout_.directories[0]) / "kiln-dead";
  fs::create_directories(dead / "cell-1");
  const fs::path other = fs::path(layout_.directories[0]) / "else-dead";
  fs::create_directory(other);
  EXPECT_EQ(sweep_cgroups(layout_), 0);
  EXPECT_FALSE(fs::exists(dead));
  EXPECT_TRUE(fs::exists(other)) << "not ours";
  auto cell = tree_->create("cell", model::Limits{}, failure_);
  EXPECT_TRUE(cell) << "the living instance is gone";
  if (cell) {
    EXPECT_EQ(cell->remove(), 0);
  }
  ::rmdir(other.c_str());
}

}  // namespace
}  // namespace kiln::sandbox
