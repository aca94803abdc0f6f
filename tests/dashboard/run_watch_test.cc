#include "dashboard/run_watch.h"

#include <filesystem>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/dashboard/dashboard_testing.h"
#include "tests/testing/eventually.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

// The data of the event of that name; null: there is none.
nlohmann::json Find(const std::string& events, const std::string& name) {
  for (const absl::string_view part : absl::StrSplit(events, "\n\n", absl::SkipEmpty())) {
    const std::string event(part);
    const std::string opening = "event: " + name + "\ndata: ";
    if (event.substr(0, opening.size()) == opening) {
      return nlohmann::json::parse(event.substr(opening.size()))["value"];
    }
  }
  return nullptr;
}

// A new watch reads the files at once; an old one half a second after it last did.
class RunWatchTest : public ::testing::Test {
 protected:
  std::string FirstNews() {
    RunCursor cursor;
    return RunWatch("a", run_, nullptr).News(&cursor);
  }
  // Asks until there is something.
  static std::string NextNews(RunWatch* watch, RunCursor* cursor) {
    std::string news;
    (void)Eventually([&] { return !(news = watch->News(cursor)).empty(); });
    return news;
  }

  TempDir dir_;
  const std::string run_ = MakeRun(dir_.File("a"));
};

TEST_F(RunWatchTest, ANewViewerGetsAllThatThereIs) {
  const std::string news = FirstNews();
  EXPECT_EQ(Find(news, "history")["from"], 0);
  EXPECT_EQ(Find(news, "history")["columns"]["env_steps"].dump(), "[1000,2000]");
  EXPECT_EQ(Find(news, "log")["lines"].dump(), R"(["started"])");
  EXPECT_TRUE(Find(news, "status").is_null());
}

TEST_F(RunWatchTest, AViewerGetsOnlyWhatIsNewForIt) {
  RunWatch watch("a", run_, nullptr);
  RunCursor old_viewer, new_viewer;
  watch.News(&old_viewer);
  EXPECT_EQ(watch.News(&old_viewer), "");
  Append(run_ + "/metrics.csv", "3000,9\n");
  EXPECT_EQ(Find(NextNews(&watch, &old_viewer), "history").dump(),
            R"({"columns":{"env_steps":[3000],"eval_return_mean":[9]},"from":2,)"
            R"("latest":{"env_steps":3000,"eval_return_mean":9}})");
  EXPECT_EQ(Find(watch.News(&new_viewer), "history")["columns"]["env_steps"].size(), 3u);
}

TEST_F(RunWatchTest, AResumedRunsShorterFileReplacesTheCurves) {
  RunWatch watch("a", run_, nullptr);
  RunCursor cursor;
  watch.News(&cursor);
  Append(dir_.File("new"), "env_steps,eval_return_mean\n1000,5\n");
  std::filesystem::rename(dir_.File("new"), run_ + "/metrics.csv");
  const auto history = Find(NextNews(&watch, &cursor), "history");
  EXPECT_EQ(history["from"], 0);
  EXPECT_EQ(history["columns"]["env_steps"].dump(), "[1000]");
}

TEST_F(RunWatchTest, ALineOfTheLogCannotForgeAnEvent) {
  Append(run_ + "/log.txt", "x\r\revent: status\rdata: {}\r\r\n");
  const std::string news = FirstNews();
  EXPECT_EQ(news.find('\r'), std::string::npos);
  EXPECT_EQ(Find(news, "log")["lines"][1], "x\r\revent: status\rdata: {}\r\r");
}

TEST_F(RunWatchTest, ShowsTheLiveStateAndThatItIsOver) {
  std::string state = R"({"state":"running"})";
  RunWatch watch("a", run_, [&](const std::string& directory) {
    EXPECT_EQ(directory, run_);
    return state;
  });
  RunCursor cursor;
  EXPECT_EQ(Find(watch.News(&cursor), "status")["state"], "running");
  state = "";
  EXPECT_EQ(NextNews(&watch, &cursor), "event: status\ndata: {\"run\":\"a\",\"value\":null}\n\n");
}

TEST_F(RunWatchTest, ALogKeepsItsLastLines) {
  for (int i = 0; i < 1000; ++i) Append(run_ + "/log.txt", std::to_string(i) + "\n");
  const auto log = Find(FirstNews(), "log");
  EXPECT_EQ(log["lines"].size(), LogFile::kLinesMax);
  EXPECT_EQ(log["lines"].back(), "999");
}

TEST_F(RunWatchTest, ARunWithoutFilesShowsNothing) {
  ASSERT_TRUE(MakeDirs(dir_.File("empty")).ok());
  RunCursor cursor;
  EXPECT_EQ(Find(RunWatch("e", dir_.File("empty"), nullptr).News(&cursor), "history")["columns"],
            nlohmann::json::object());
}

}  // namespace
}  // namespace pmoe
