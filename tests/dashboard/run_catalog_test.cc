#include "dashboard/run_catalog.h"

#include <chrono>
#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "tests/dashboard/dashboard_testing.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using ::testing::UnorderedElementsAre;

std::vector<std::string> Ids(RunCatalog* catalog) {
  std::vector<std::string> ids;
  for (const RunEntry& run : catalog->List()) ids.push_back(run.id);
  return ids;
}

TEST(RunCatalogTest, FindsRunsBelowAFolderAndTheFolderItself) {
  TempDir dir;
  MakeRun(dir.File("a"));
  MakeRun(dir.File("sweep/b"));
  ASSERT_TRUE(MakeDirs(dir.File("no-run")).ok());
  RunCatalog below({{dir.path(), 2}});
  EXPECT_THAT(Ids(&below), UnorderedElementsAre("a", "sweep/b"));
  RunCatalog itself({{dir.File("a"), 2}});
  EXPECT_THAT(Ids(&itself), UnorderedElementsAre("a"));
}

TEST(RunCatalogTest, LooksNoDeeperThanItWasTold) {
  TempDir dir;
  MakeRun(dir.File("a"));
  MakeRun(dir.File("sweep/b"));
  RunCatalog catalog({{dir.path(), 1}});
  EXPECT_THAT(Ids(&catalog), UnorderedElementsAre("a"));
}

TEST(RunCatalogTest, ReadsWhatThePageNeedsOfTheConfiguration) {
  TempDir dir;
  MakeRun(dir.File("a"));
  RunCatalog catalog({{dir.path(), 1}});
  const std::optional<RunEntry> run = catalog.Find("a");
  ASSERT_TRUE(run.has_value());
  EXPECT_EQ(run->facts.env, "Hopper-v5");
  EXPECT_EQ(run->facts.algorithm, "sac");
  EXPECT_EQ(run->facts.seed, 7u);
  EXPECT_EQ(run->facts.total_steps, 3000);
  EXPECT_EQ(catalog.IdOf(dir.File("a/")), "a");
}

// A training of another machine, whose clock is off: the page called it stopped while it was at
// work, or at work until this machine's clock had caught up.
TEST(RunCatalogTest, AgesOfChangesThatItSawAreOfOneClock) {
  TempDir dir;
  MakeRun(dir.File("a"));
  const std::filesystem::path file = dir.File("a/metrics.csv");
  std::ofstream(file) << "env_steps\n";
  const auto now = std::filesystem::file_time_type::clock::now();
  for (const std::chrono::seconds skew : {std::chrono::seconds(600), std::chrono::seconds(-600)}) {
    FakeClock clock;
    RunCatalog catalog({{dir.path(), 1}}, &clock);
    const auto ago_s = [&] {
      clock.Advance(std::chrono::seconds(5));
      return catalog.Find("a")->changed_ago_s;
    };
    std::filesystem::last_write_time(dir.File("a/config.textproto"), now + skew);
    std::filesystem::last_write_time(file, now + skew);
    const std::optional<int64_t> before_s = ago_s();
    if (skew.count() > 0) {
      EXPECT_EQ(before_s, std::nullopt) << "not known";
    } else {
      EXPECT_NEAR(static_cast<double>(before_s.value_or(-1)), 600.0, 60.0);
    }
    std::filesystem::last_write_time(file, now + skew + std::chrono::seconds(1));
    const int64_t seen_s = ago_s().value();  // between two searches
    EXPECT_LE(seen_s, 5);
    EXPECT_EQ(ago_s(), seen_s + 5);
    std::filesystem::last_write_time(file, now + skew - std::chrono::hours(1));
    EXPECT_LE(ago_s().value(), 5) << "its clock went back";
  }
}

TEST(RunCatalogTest, AChangeThatNobodyLookedForIsAsOldAsItsFileSays) {
  TempDir dir;
  MakeRun(dir.File("a"));
  const std::filesystem::path file = dir.File("a/metrics.csv");
  std::ofstream(file) << "env_steps\n";
  const auto now = std::filesystem::file_time_type::clock::now();
  std::filesystem::last_write_time(dir.File("a/config.textproto"), now - std::chrono::hours(3));
  std::filesystem::last_write_time(file, now - std::chrono::hours(2));
  FakeClock clock;
  RunCatalog catalog({{dir.path(), 1}}, &clock);
  ASSERT_TRUE(catalog.Find("a")->changed_ago_s.has_value());
  clock.Advance(std::chrono::hours(1));
  std::filesystem::last_write_time(file, now - std::chrono::seconds(3000));
  EXPECT_NEAR(static_cast<double>(catalog.Find("a")->changed_ago_s.value_or(-1)), 3000.0, 60.0);
}

TEST(RunCatalogTest, APathIsNoName) {
  TempDir dir;
  MakeRun(dir.File("runs/a"));
  MakeRun(dir.File("secret"));
  RunCatalog catalog({{dir.File("runs"), 3}});
  for (const std::string& id :
       {std::string("../secret"), dir.File("secret"), std::string("a/../../secret"),
        std::string("a/"), std::string("."), std::string("")}) {
    EXPECT_FALSE(catalog.Find(id).has_value()) << id;
  }
}

TEST(RunCatalogTest, LinksAreNotFollowed) {
  TempDir dir;
  MakeRun(dir.File("elsewhere/a"));
  ASSERT_TRUE(MakeDirs(dir.File("runs")).ok());
  std::filesystem::create_symlink(dir.File("elsewhere"), dir.File("runs/link"));
  RunCatalog catalog({{dir.File("runs"), 3}});
  EXPECT_THAT(Ids(&catalog), UnorderedElementsAre());
}

TEST(RunCatalogTest, RunsOfOneNameInTwoFoldersAreTold) {
  TempDir dir;
  MakeRun(dir.File("x/a"));
  MakeRun(dir.File("y/a"));
  RunCatalog catalog({{dir.File("x"), 1}, {dir.File("y"), 1}, {dir.File("x"), 1}});
  EXPECT_THAT(Ids(&catalog), UnorderedElementsAre("a", "a (2)"));
}

TEST(RunCatalogTest, AConfigurationThatCannotBeReadStillNamesARun) {
  TempDir dir;
  ASSERT_TRUE(MakeDirs(dir.File("a")).ok());
  Append(dir.File("a/config.textproto"), "no { such: field }");
  RunCatalog catalog({{dir.path(), 1}});
  ASSERT_TRUE(catalog.Find("a").has_value());
  EXPECT_EQ(catalog.Find("a")->facts.env, "");
}

// Rounds of no steps were divided by.
TEST(RunCatalogTest, AConfigurationOfNonsenseStillNamesARun) {
  TempDir dir;
  ASSERT_TRUE(MakeDirs(dir.File("a")).ok());
  Append(dir.File("a/config.textproto"),
         "env { id: \"Hopper-v5\" } schedule { steps_per_round: 0 mode: \"none\" }");
  RunCatalog catalog({{dir.path(), 1}});
  ASSERT_TRUE(catalog.Find("a").has_value());
  EXPECT_EQ(catalog.Find("a")->facts.env, "Hopper-v5");
  EXPECT_EQ(catalog.Find("a")->facts.total_steps, 0);
}

}  // namespace
}  // namespace pmoe
