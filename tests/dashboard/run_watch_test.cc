#include "dashboard/run_watch.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_split.h"
#include "dashboard/watch_list.h"
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
  std::optional<RunStatus> state = StatusOfActors({5});
  RunWatch watch("a", run_, [&](const std::string& directory) {
    EXPECT_EQ(directory, run_);
    return state;
  });
  RunCursor cursor;
  EXPECT_EQ(Find(watch.News(&cursor), "status")["state"], "running");
  state = std::nullopt;
  EXPECT_EQ(NextNews(&watch, &cursor), "event: status\ndata: {\"run\":\"a\",\"value\":null}\n\n");
}

TEST_F(RunWatchTest, ActorsAreATableAndWhatTheyDoNotSayIsNull) {
  RunStatus state = StatusOfActors({5, 7});
  state.mutable_members(1)->mutable_rates()->clear_time();
  state.add_members()->set_role(RUN_ROLE_REPLAY);
  RunWatch watch("a", run_, [&](const std::string&) { return state; });
  RunCursor cursor;
  const auto status = Find(watch.News(&cursor), "status");
  EXPECT_EQ(status["members"].size(), 1u);
  const auto columns = status["actors"]["columns"].get<std::vector<std::string>>();
  const auto of = [&](size_t actor, const char* name) {
    const auto at = std::find(columns.begin(), columns.end(), name) - columns.begin();
    return status["actors"]["rows"][actor][static_cast<size_t>(at)];
  };
  EXPECT_EQ(of(1, "env_steps_per_s"), 7);
  EXPECT_EQ(of(0, "blocked"), 0.25);
  EXPECT_TRUE(of(1, "blocked").is_null());
  EXPECT_TRUE(of(0, "cpu_cores").is_null());
  EXPECT_TRUE(of(0, "ack_p50_s").is_null());
}

TEST_F(RunWatchTest, TheActorsPastIsAllOfItForWhoHasAnother) {
  RunWatch watch("a", run_, [&](const std::string&) { return StatusOfActors({5, 7}); });
  const auto all = nlohmann::json::parse(watch.Actors(ActorHistory::kBlocked, 0, 0));
  EXPECT_EQ(all["rows"].dump(), "[[0.25],[0.25]]");
  const auto again = nlohmann::json::parse(watch.Actors(ActorHistory::kBlocked, 3, 1));
  EXPECT_EQ(again["from"], 0);
}

// Each question without an open stream read the run's files and asked for its state anew.
TEST(WatchListTest, ARunThatWasAskedForIsKeptForTheNextQuestion) {
  TempDir dir;
  for (int i = 0; i < 40; ++i) MakeRun(dir.File(absl::StrCat("r", i)));
  RunCatalog catalog({{dir.path(), 1}});
  WatchList list(&catalog, nullptr);
  const std::weak_ptr<RunWatch> first = list.Watch("r0");
  EXPECT_EQ(list.Watch("r0"), first.lock());
  EXPECT_NE(first.lock(), nullptr);
  for (int i = 1; i < 40; ++i) (void)list.Watch(absl::StrCat("r", i));
  EXPECT_EQ(first.lock(), nullptr);  // not so many at once
}

TEST_F(RunWatchTest, MarksComeOnceAndWithEachChange) {
  Append(run_ + "/log.txt", "2026-11-30 14:11:20 checkpoint at 1000 env steps\n");
  RunWatch watch("a", run_, nullptr);
  RunCursor cursor;
  EXPECT_EQ(Find(watch.News(&cursor), "marks").size(), 1u);
  EXPECT_EQ(watch.News(&cursor), "");
  Append(run_ + "/log.txt", "2026-11-30 14:11:20 checkpoint at 2000 env steps\n");
  EXPECT_EQ(Find(NextNews(&watch, &cursor), "marks").size(), 2u);
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
