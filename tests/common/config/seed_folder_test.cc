#include "common/config/seed_folder.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SeedFolderTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    const fs::path path = dir_.File(name);
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  TempDir dir_;
};

TEST_F(SeedFolderTest, ItsRunsAreFoundByNameAndConfigurationInOrder) {
  for (const char* run : {"seed_10", "seed_2", "seed_0", "seed_02", "seed_x", "seed_", "other"}) {
    Write(std::string(run) + "/config.textproto", "");
  }
  fs::create_directories(dir_.File("seed_7"));
  EXPECT_THAT(SeedsIn(dir_.path()), ElementsAre(0, 2, 10));
  EXPECT_EQ(SeedRunPath("runs/a", 10), "runs/a/seed_10");
  EXPECT_EQ(SeedRunPath("runs/s{seed}-sac", 10), "runs/s10-sac");
}

TEST_F(SeedFolderTest, ARunIsNoFolderOfRuns) {
  Write("seed_2/config.textproto", "");
  Write("config.textproto", "");
  EXPECT_THAT(SeedsIn(dir_.path()), IsEmpty());
  EXPECT_THAT(SeedsIn(dir_.File("missing")), IsEmpty());
}

TEST_F(SeedFolderTest, WhereOneRunIsWantedTheErrorNamesThoseOfAFolder) {
  EXPECT_THAT(NoRunIn(dir_.path(), "--run").message(), HasSubstr("has no config.textproto"));
  Write("seed_2/config.textproto", "");
  Write("seed_10/config.textproto", "");
  EXPECT_EQ(
      NoRunIn(dir_.path(), "--run").message(),
      absl::StrCat("--run ", dir_.path(), " holds the runs of seeds 2, 10: name one of them, ",
                   "like --run ", dir_.path(), "/seed_2"));
}

}  // namespace
}  // namespace pmoe
