#include "common/base/usable_cores.h"

#include <sched.h>

#include <filesystem>
#include <fstream>

#include "gtest/gtest.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

class GroupCoreQuotaTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    const std::string path = dir_.File(name);
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
  }
  double Quota(const std::string& groups) { return GroupCoreQuota(groups, dir_.path()); }

  TempDir dir_;
};

TEST_F(GroupCoreQuotaTest, TheLeastQuotaOnTheWayUpHolds) {
  Write("cpu.max", "400000 100000\n");
  Write("pod/cpu.max", "150000 100000\n");
  Write("pod/box/cpu.max", "max 100000\n");
  EXPECT_DOUBLE_EQ(Quota("0::/pod/box\n"), 1.5);
  EXPECT_DOUBLE_EQ(Quota("0::/\n"), 4.0);
}

TEST_F(GroupCoreQuotaTest, VersionOneIsReadWhereItIs) {
  Write("cpu/docker/cpu.cfs_quota_us", "250000\n");
  Write("cpu/docker/cpu.cfs_period_us", "100000\n");
  EXPECT_DOUBLE_EQ(Quota("5:cpuset:/other\n4:cpu,cpuacct:/docker\n"), 2.5);
  Write("cpu/docker/cpu.cfs_quota_us", "-1\n");
  EXPECT_DOUBLE_EQ(Quota("4:cpu,cpuacct:/docker\n"), 0.0);
}

TEST_F(GroupCoreQuotaTest, WhatIsNoQuotaIsNone) {
  for (const char* text : {"", "max 100000", "100000", "x y", "100000 0", "-5 100000", "nan nan"}) {
    Write("cpu.max", text);
    EXPECT_DOUBLE_EQ(Quota("0::/\n"), 0.0) << text;
  }
  EXPECT_DOUBLE_EQ(Quota("no cgroup file\n"), 0.0);
}

TEST(UsableCoresTest, AThreadThatIsBoundToOneCoreMayUseOne) {
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  EXPECT_GE(UsableCores(), 1);
  EXPECT_LE(UsableCores(), CPU_COUNT(&before));
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(UsableCores(), 1);
  sched_setaffinity(0, sizeof(before), &before);
}

}  // namespace
}  // namespace pmoe
