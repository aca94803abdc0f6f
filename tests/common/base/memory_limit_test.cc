#include "common/base/memory_limit.h"

#include <gtest/gtest.h>

#include "common/base/file.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

class MemoryLimitTest : public ::testing::Test {
 protected:
  void Write(const std::string& group, const std::string& text) {
    const std::string path = dir_.File("") + group;
    ASSERT_TRUE(MakeDirs(path.substr(0, path.rfind('/'))).ok());
    ASSERT_TRUE(WriteFileAtomic(path, text).ok());
  }
  int64_t Limit(const std::string& groups) const { return GroupMemoryLimit(groups, dir_.path()); }

  TempDir dir_;
};

TEST_F(MemoryLimitTest, TheLeastOfTheGroupAndThoseAboveItCounts) {
  Write("job/memory.max", "3000\n");
  Write("job/step/memory.max", "max\n");
  Write("job/step/task/memory.max", "5000\n");
  EXPECT_EQ(Limit("0::/job/step/task\n"), 3000);
  EXPECT_EQ(Limit("0::/job/step\n"), 3000);
  EXPECT_EQ(Limit("0::/other\n"), 0);
  EXPECT_EQ(Limit("0::/\n"), 0);
}

TEST_F(MemoryLimitTest, AContainerSeesItsOwnGroupAsTheRoot) {
  Write("memory.max", "7000\n");
  EXPECT_EQ(Limit("0::/\n"), 7000);
}

TEST_F(MemoryLimitTest, ReadsVersionOneBesideOtherControllers) {
  Write("memory/docker/abc/memory.limit_in_bytes", "4096\n");
  EXPECT_EQ(Limit("11:cpu,cpuacct:/docker/abc\n9:memory:/docker/abc\n"), 4096);
  EXPECT_EQ(Limit("11:cpu,cpuacct:/docker/abc\n"), 0);
}

TEST_F(MemoryLimitTest, OddTextIsNoLimit) {
  for (const char* text : {"", "\n", "no colons", "::::", "0::", "0::no/slash"}) {
    EXPECT_EQ(Limit(text), 0) << text;
  }
}

TEST(MemoryLimitOfThisProcessTest, IsThere) { EXPECT_GT(MemoryLimit(), 1 << 20); }

}  // namespace
}  // namespace pmoe
