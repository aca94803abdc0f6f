#include "dashboard/run_details.h"

#include <filesystem>

#include "dashboard/run_facts.h"
#include "dashboard/video_answer.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/dashboard/dashboard_testing.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using ::testing::Contains;

class RunDetailsTest : public ::testing::Test {
 protected:
  // A run with these lines in its configuration.
  RunEntry Run(const std::string& id, const std::string& config) const {
    EXPECT_TRUE(MakeDirs(dir_.File(id)).ok());
    Append(dir_.File(id + "/config.textproto"), config);
    RunEntry entry;
    entry.id = id;
    entry.path = dir_.File(id);
    entry.facts = ReadRunFacts(entry.path);
    return entry;
  }
  std::string Videos(const std::string& id) const {
    EXPECT_TRUE(MakeDirs(dir_.File(id + "/videos")).ok());
    return dir_.File(id + "/videos/");
  }

  TempDir dir_;
};

TEST_F(RunDetailsTest, SeedsOfOneConfigurationAreAGroup) {
  const RunEntry a = Run("a", "seed: 1 env { id: \"Hopper-v5\" } learner { gamma: 0.9 }");
  const RunEntry b = Run("b", "seed: 2 env { id: \"Hopper-v5\" } learner { gamma: 0.9 }");
  const RunEntry c = Run("c", "seed: 1 env { id: \"Hopper-v5\" } learner { gamma: 0.8 }");
  EXPECT_EQ(a.facts.group, b.facts.group);
  EXPECT_NE(a.facts.group, c.facts.group);
}

TEST_F(RunDetailsTest, SaysInWhichSettingsRunsDiffer) {
  const std::string both = "algorithm: \"sac\" env { id: \"Hopper-v5\" } ";
  const RunEntry a = Run("a", both + "seed: 1 learner { gamma: 0.9 batch_size: 64 }");
  const RunEntry b = Run("b", both + "seed: 1 learner { gamma: 0.8 batch_size: 64 }");
  const RunEntry c = Run("c", both + "seed: 3 learner { gamma: 0.9 batch_size: 64 }");
  const auto answer = nlohmann::json::parse(DifferencesJson({a, b, c}));
  EXPECT_EQ(answer["runs"].dump(), R"(["a","b","c"])");
  EXPECT_EQ(answer["settings"].dump(), R"([{"path":"learner.gamma","values":["0.9","0.8","0.9"]},)"
                                       R"({"path":"seed","values":["1","1","3"]}])");
}

TEST_F(RunDetailsTest, ARunThatCannotBeReadDiffersFromNone) {
  const RunEntry a = Run("a", "seed: 1");
  const RunEntry b = Run("b", "no { such: field }");
  EXPECT_EQ(nlohmann::json::parse(DifferencesJson({a, b}))["runs"].dump(), R"(["a"])");
}

TEST_F(RunDetailsTest, TheCommandLineSaysWhatIsNotAsAlways) {
  const RunEntry run = Run("a",
                           "algorithm: \"sac\" preset: \"paper\" seed: 4 "
                           "env { id: \"Hopper-v5\" } learner { gamma: 0.875 }");
  const auto command = nlohmann::json::parse(DetailsJson(run))["command"];
  const auto words = command.get<std::vector<std::string>>();
  EXPECT_THAT(words, Contains("learner.gamma=0.875"));
  EXPECT_THAT(words, Contains("Hopper-v5"));
  EXPECT_EQ(words[1], "train");
}

TEST_F(RunDetailsTest, ListsVideosAndNothingElse) {
  const RunEntry run = Run("a", "seed: 1");
  const std::string folder = Videos("a");
  Append(folder + "best.mp4", "12345");
  Append(folder + "best.log", "x");
  Append(folder + "empty.mp4", "");
  Append(dir_.File("secret.mp4"), "secret");
  std::filesystem::create_symlink(dir_.File("secret.mp4"), folder + "link.mp4");
  const auto videos = nlohmann::json::parse(DetailsJson(run))["videos"];
  EXPECT_EQ(videos.dump(), R"([{"bytes":5,"name":"best.mp4"}])");
  for (const char* name : {"link.mp4", "../../secret.mp4", "best.log", "", "/etc/passwd", "."}) {
    EXPECT_EQ(VideoAnswer(run.path, name, "").status, 404) << name;
  }
}

TEST_F(RunDetailsTest, AFolderOfVideosThatIsALinkIsNone) {
  const RunEntry run = Run("a", "seed: 1");
  ASSERT_TRUE(MakeDirs(dir_.File("elsewhere")).ok());
  Append(dir_.File("elsewhere/best.mp4"), "secret");
  std::filesystem::create_directory_symlink(dir_.File("elsewhere"), run.path + "/videos");
  EXPECT_EQ(VideoAnswer(run.path, "best.mp4", "").status, 404);
}

TEST_F(RunDetailsTest, AVideoComesInThePiecesThatABrowserAsksFor) {
  const RunEntry run = Run("a", "seed: 1");
  std::string video(3 * kVideoPieceBytes / 2, 'x');
  video.replace(10, 5, "hello");
  Append(Videos("a") + "best.mp4", video);
  const HttpAnswer piece = VideoAnswer(run.path, "best.mp4", "bytes=10-14");
  EXPECT_EQ(piece.status, 206);
  EXPECT_EQ(piece.body, "hello");
  EXPECT_EQ(piece.type, "video/mp4");
  EXPECT_EQ(piece.headers[1].second, absl::StrCat("bytes 10-14/", video.size()));
  const HttpAnswer first = VideoAnswer(run.path, "best.mp4", "bytes=0-");
  EXPECT_EQ(first.status, 206);
  EXPECT_EQ(first.body.size(), static_cast<size_t>(kVideoPieceBytes));
  EXPECT_EQ(VideoAnswer(run.path, "best.mp4", "").body, video);
  EXPECT_EQ(VideoAnswer(run.path, "best.mp4", absl::StrCat("bytes=", video.size(), "-")).status,
            416);
  for (const char* range : {"bytes=9-3", "bytes=-5", "bytes=x-", "bytes=1", "lines=1-2"}) {
    EXPECT_EQ(VideoAnswer(run.path, "best.mp4", range).status, 200) << range;
  }
}

TEST_F(RunDetailsTest, ABigVideoIsNeverHeldWhole) {
  const RunEntry run = Run("a", "seed: 1");
  Append(Videos("a") + "best.mp4", std::string((2 << 20) + 1, 'x'));
  EXPECT_EQ(VideoAnswer(run.path, "best.mp4", "").status, 413);
  EXPECT_EQ(VideoAnswer(run.path, "best.mp4", "bytes=0-").body.size(), size_t{1} << 20);
}

TEST_F(RunDetailsTest, AManifestOfNonsenseIsNone) {
  EXPECT_TRUE(MakeDirs(dir_.File("a")).ok());
  Append(dir_.File("a/manifest.json"), R"({"commit": 5, "host": "<b>", "started)");
  EXPECT_EQ(Run("a", "seed: 1").facts.commit, "");
  EXPECT_TRUE(MakeDirs(dir_.File("b")).ok());
  Append(dir_.File("b/manifest.json"), R"({"commit": 5, "host": "<b>"})");
  EXPECT_EQ(Run("b", "seed: 1").facts.commit, "");
  EXPECT_EQ(Run("c", "seed: 1").facts.host, "");
}

TEST_F(RunDetailsTest, FactsAreReadAgainWhenTheConfigurationChanges) {
  Run("a", "seed: 1");
  RunFactsBook book;
  book.BeginSearch();
  EXPECT_EQ(book.Of(dir_.File("a")).seed, 1u);
  book.EndSearch();
  Append(dir_.File("new"), "seed: 21");
  std::filesystem::rename(dir_.File("new"), dir_.File("a/config.textproto"));
  book.BeginSearch();
  EXPECT_EQ(book.Of(dir_.File("a")).seed, 21u);
  book.EndSearch();
}

}  // namespace
}  // namespace pmoe
