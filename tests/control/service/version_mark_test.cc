// A learner that comes back knows how high its members' weights may be.
#include "control/service/version_mark.h"

#include <gtest/gtest.h>

#include "common/base/file.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

TEST(VersionMarkTest, CoversEveryVersionThatAnEarlierLifeHasPublished) {
  TempDir dir;
  const std::string path = dir.File("learner.versions");
  for (uint64_t life = 0, version = 0; life < 3; ++life) {
    VersionMark mark(path);
    EXPECT_GE(mark.before(), version);
    EXPECT_LE(mark.before(), version + VersionMark::kBlock);
    for (const uint64_t to = mark.before() + 2500; version < to;) mark.Cover(++version);
  }
}

TEST(VersionMarkTest, IsWrittenOncePerBlock) {
  TempDir dir;
  const std::string path = dir.File("learner.versions");
  VersionMark mark(path);
  mark.Cover(1);
  ASSERT_OK(WriteFileAtomic(path, "untouched"));
  for (uint64_t version = 2; version <= VersionMark::kBlock; ++version) mark.Cover(version);
  EXPECT_EQ(*ReadFile(path), "untouched");
  mark.Cover(VersionMark::kBlock + 2);
  EXPECT_EQ(VersionMark(path).before(), 2 * VersionMark::kBlock + 2);
}

TEST(VersionMarkTest, AMarkThatCannotBeReadBelievesNobody) {
  TempDir dir;
  const std::string path = dir.File("learner.versions");
  EXPECT_EQ(VersionMark(path).before(), 0u);
  ASSERT_OK(WriteFileAtomic(path, "nonsense"));
  testing::internal::CaptureStderr();
  EXPECT_EQ(VersionMark(path).before(), 0u);
  EXPECT_NE(testing::internal::GetCapturedStderr().find(path + " must hold a number"),
            std::string::npos);
}

}  // namespace
}  // namespace pmoe
