// Real requests over HTTP.

#include <atomic>
#include <chrono>
#include <vector>

#include "common/base/clock.h"
#include "common/http/http_server.h"
#include "dashboard/dashboard.h"
#include "dashboard/embedded_files.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/dashboard/dashboard_testing.h"
#include "tests/testing/eventually.h"
#include "tests/testing/http_client.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class DashboardTest : public ::testing::Test {
 protected:
  void Start(DashboardOptions options = {}) {
    options.address = "127.0.0.1:0";
    options.folders = {{dir_.File("runs"), 1}};
    absl::StatusOr<std::unique_ptr<Dashboard>> started = Dashboard::Start(options);
    ASSERT_OK(started);
    dashboard_ = *std::move(started);
  }
  HttpReply Get(const std::string& path, const std::string& headers = "") const {
    return HttpGet(dashboard_->address(), path, headers);
  }
  // The stream, from its first byte on.
  RawConnection Events(const std::string& query) const {
    RawConnection connection(dashboard_->address());
    connection.Send(RequestText("GET", "/api/events?" + query));
    return connection;
  }

  TempDir dir_;
  const std::string run_ = MakeRun(dir_.File("runs/a"));
  std::unique_ptr<Dashboard> dashboard_;
};

TEST_F(DashboardTest, ServesThePageAndItsFilesFromTheBinary) {
  Start();
  for (const char* path : {"/", "/app.js", "/charts.js", "/view.js", "/format.js", "/style.css",
                           "/parts.css", "/icon.svg", "/chart.js"}) {
    const HttpReply answer = Get(path);
    EXPECT_EQ(answer.status, 200) << path;
    EXPECT_GT(answer.body.size(), 100u) << path;
    EXPECT_THAT(answer.Header("Content-Security-Policy"), HasSubstr("'none'"));
  }
  EXPECT_THAT(Get("/chart.js").body, HasSubstr("Chart.js"));
}

TEST_F(DashboardTest, ThePageNamesNoOtherHost) {
  Start();
  for (const EmbeddedFile& file : EmbeddedFiles()) {
    if (file.url == "/chart.js" || file.url == "/icon.svg") continue;
    EXPECT_THAT(Get(std::string(file.url)).body, Not(HasSubstr("//cdn"))) << file.url;
    EXPECT_THAT(Get(std::string(file.url)).body, Not(HasSubstr("https:"))) << file.url;
    EXPECT_THAT(Get(std::string(file.url)).body, Not(HasSubstr("innerHTML"))) << file.url;
  }
}

TEST_F(DashboardTest, ListsItsRuns) {
  Start();
  const auto answer = nlohmann::json::parse(Get("/api/runs").body);
  ASSERT_EQ(answer["runs"].size(), 1u);
  EXPECT_EQ(answer["runs"][0]["id"], "a");
  EXPECT_EQ(answer["runs"][0]["env"], "Hopper-v5");
}

TEST_F(DashboardTest, StreamsARunFromItsStart) {
  Start();
  EXPECT_TRUE(Events("run=a").ReadUntil("\"env_steps\":[1000,2000]"));
}

TEST_F(DashboardTest, StreamsARowThatIsWrittenWhileItLooks) {
  Start();
  const RawConnection events = Events("run=a");
  ASSERT_TRUE(events.ReadUntil("\"env_steps\":[1000,2000]"));
  Append(run_ + "/metrics.csv", "3000,11\n");
  EXPECT_TRUE(events.ReadUntil("\"from\":2,\"columns\":{\"env_steps\":[3000]"));
}

TEST_F(DashboardTest, ANameThatIsNoRunLeadsNowhere) {
  Append(dir_.File("secret.csv"), "env_steps\n77777\n");
  MakeRun(dir_.File("elsewhere"));
  Start();
  for (const char* path : {"/api/events?run=../elsewhere", "/api/events?run=..%2felsewhere",
                           "/api/events?run=a%2f..%2f..%2felsewhere", "/api/events?run=%00",
                           "/api/events", "/../secret.csv", "/%2e%2e/secret.csv", "/a/metrics.csv",
                           "/runs/a", "//etc/passwd", "/app.js/../../../../etc/passwd"}) {
    EXPECT_EQ(Get(path).status, 404) << path;
  }
}

TEST_F(DashboardTest, OnlyReadsAreAnswered) {
  Start();
  for (const char* method : {"POST", "DELETE", "PUT", "OPTIONS", "BREW"}) {
    const RawConnection connection(dashboard_->address());
    connection.Send(RequestText(method, "/api/runs"));
    EXPECT_EQ(ParseReply(connection.ReadToEnd()).status, 405) << method;
  }
}

TEST_F(DashboardTest, AForeignHostNameIsRefusedOnLoopback) {
  Start();
  EXPECT_EQ(Get("/api/runs", "Host: evil.example.org\r\n").status, 403);
}

TEST_F(DashboardTest, ATokenIsAskedForEverywhereAndBecomesACookie) {
  Append(dir_.File("token"), "0123456789abcdef\n");
  DashboardOptions options;
  options.token_file = dir_.File("token");
  Start(options);
  for (const char* path : {"/", "/app.js", "/api/runs", "/api/events?run=a", "/?token=wrong"}) {
    EXPECT_EQ(Get(path).status, 401) << path;
  }
  const HttpReply first = Get("/?token=0123456789abcdef");
  EXPECT_EQ(first.status, 303);
  EXPECT_EQ(first.Header("Location"), "/");
  EXPECT_THAT(first.Header("Set-Cookie"), HasSubstr("HttpOnly; SameSite=Strict"));
  EXPECT_EQ(Get("/api/runs", "Cookie: pmoe_token=0123456789abcdef\r\n").status, 200);
}

TEST_F(DashboardTest, OneViewerTooManyIsToldAndRequestsStillPass) {
  Start();
  std::vector<RawConnection> viewers;
  for (int i = 0; i < Dashboard::kPages; ++i) {
    viewers.push_back(Events("run=a"));
    ASSERT_TRUE(viewers.back().ReadUntil("env_steps"));
  }
  EXPECT_EQ(Get("/api/events?run=a").status, 503);
  EXPECT_EQ(Get("/api/runs").status, 200);
}

TEST_F(DashboardTest, AnswersOnRunsTheirVideosAndTheirActors) {
  ASSERT_TRUE(MakeDirs(run_ + "/videos").ok());
  Append(run_ + "/videos/best.mp4", "0123456789");
  DashboardOptions options;
  options.live = [](const std::string&) { return StatusOfActors({3, 4}); };
  Start(options);
  EXPECT_EQ(nlohmann::json::parse(Get("/api/summaries").body)["runs"]["a"]["best_return"], 5);
  EXPECT_EQ(nlohmann::json::parse(Get("/api/run?run=a").body)["videos"].size(), 1u);
  EXPECT_EQ(nlohmann::json::parse(Get("/api/differences?run=a").body)["runs"].size(), 1u);
  const HttpReply video = Get("/api/video?run=a&name=best.mp4", "Range: bytes=2-4\r\n");
  EXPECT_EQ(video.status, 206);
  EXPECT_EQ(video.body, "234");
  EXPECT_EQ(video.Header("Content-Range"), "bytes 2-4/10");
  const auto actors = nlohmann::json::parse(Get("/api/actors?run=a&value=steps_per_s").body);
  EXPECT_EQ(actors["rows"].dump(), "[[3],[4]]");
}

TEST_F(DashboardTest, ARunOrAVideoThatIsNotThereIsSaid) {
  Start();
  for (const char* path : {"/api/run?run=b", "/api/run", "/api/video?run=b&name=x.mp4",
                           "/api/video?run=a&name=../config.textproto",
                           "/api/video?run=../a&name=best.mp4", "/api/actors?run=b&value=behind"}) {
    EXPECT_EQ(Get(path).status, 404) << path;
  }
  EXPECT_EQ(Get("/api/actors?run=a&value=x").status, 400);
  EXPECT_EQ(nlohmann::json::parse(Get("/api/differences?run=b").body)["runs"].size(), 0u);
}

// A page opened in the morning shows the night.
TEST_F(DashboardTest, ItsOwnRunsPastIsKeptWhileNobodyLooks) {
  std::atomic<int> asked = 0;
  DashboardOptions options;
  options.own = run_;
  options.live = [&](const std::string&) {
    ++asked;
    return StatusOfActors({3});
  };
  Start(options);
  EXPECT_TRUE(Eventually([&] { return asked > 0; }));
  dashboard_.reset();  // its thread uses `asked`
}

// A page that is loaded anew leaves its stream, and its place must be free at once.
TEST_F(DashboardTest, APageMayBeReloadedAsOftenAsOneLikes) {
  Start();
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(Get("/").status, 200);
    ASSERT_TRUE(Events("run=a").ReadUntil("env_steps")) << i;
  }
}

TEST_F(DashboardTest, OpenStreamsDoNotDelayItsEnd) {
  Start();
  std::vector<RawConnection> viewers;
  for (int i = 0; i < 3; ++i) {
    viewers.push_back(Events("run=a"));
    ASSERT_TRUE(viewers.back().ReadUntil("env_steps"));
  }
  const auto begin = Clock::Real()->Now();
  dashboard_.reset();
  // A look at the files takes a second, and a stream that is not woken would sit it out.
  EXPECT_LT(Clock::Real()->Now() - begin, std::chrono::milliseconds(900));
}

TEST_F(DashboardTest, ATakenPortIsAnErrorWhereItWasNamed) {
  Start();
  DashboardOptions options;
  options.address = dashboard_->address();
  EXPECT_THAT(Dashboard::Start(options),
              FailsWith(absl::StatusCode::kFailedPrecondition, "cannot listen on"));
}

TEST_F(DashboardTest, WithoutAnAddressTheNextFreePortIsTaken) {
  const absl::StatusOr<std::unique_ptr<Dashboard>> first = Dashboard::Start({});
  const absl::StatusOr<std::unique_ptr<Dashboard>> second = Dashboard::Start({});
  ASSERT_OK(first);
  ASSERT_OK(second);
  EXPECT_NE((*first)->url(), (*second)->url());
  EXPECT_THAT((*first)->url(), HasSubstr("http://127.0.0.1:60"));
}

TEST_F(DashboardTest, AnAddressWithoutPortIsExplained) {
  for (const char* address : {"six", "99999", "host:", ":6006", "host:99999", "host:x"}) {
    DashboardOptions options;
    options.address = address;
    EXPECT_THAT(Dashboard::Start(options), IsInvalid("must be host:port")) << address;
  }
}

TEST_F(DashboardTest, APortAloneIsThisMachines) {
  DashboardOptions options;
  options.address = "0";
  const absl::StatusOr<std::unique_ptr<Dashboard>> dashboard = Dashboard::Start(options);
  ASSERT_OK(dashboard);
  EXPECT_THAT((*dashboard)->url(), HasSubstr("http://127.0.0.1:"));
}

}  // namespace
}  // namespace pmoe
