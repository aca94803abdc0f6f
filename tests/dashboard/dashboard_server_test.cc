// Real requests over HTTP.

#include <atomic>
#include <chrono>
#include <thread>

#include "absl/strings/match.h"
#include "common/base/clock.h"
#include "dashboard/dashboard.h"
#include "gmock/gmock.h"
#include "httplib.h"
#include "nlohmann/json.hpp"
#include "tests/dashboard/dashboard_testing.h"
#include "tests/testing/eventually.h"
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
  httplib::Client Client() const {
    const std::string& address = dashboard_->address();
    return httplib::Client("127.0.0.1", std::stoi(address.substr(address.rfind(':') + 1)));
  }
  httplib::Result Get(const std::string& path, const httplib::Headers& headers = {}) const {
    return Client().Get(path, headers);
  }
  // Reads the stream until `text` came or it ended; true: it came.
  bool EventsBring(const std::string& path, const std::string& text) const {
    std::string got;
    Client().Get(path, [&](const char* data, size_t size) {
      got.append(data, size);
      return !absl::StrContains(got, text);
    });
    return absl::StrContains(got, text);
  }

  TempDir dir_;
  const std::string run_ = MakeRun(dir_.File("runs/a"));
  std::unique_ptr<Dashboard> dashboard_;
};

TEST_F(DashboardTest, ServesThePageAndItsFilesFromTheBinary) {
  Start();
  for (const char* path : {"/", "/app.js", "/charts.js", "/view.js", "/format.js", "/style.css",
                           "/icon.svg", "/chart.js"}) {
    const httplib::Result answer = Get(path);
    ASSERT_TRUE(answer) << path;
    EXPECT_EQ(answer->status, 200) << path;
    EXPECT_GT(answer->body.size(), 100u) << path;
    EXPECT_THAT(answer->get_header_value("Content-Security-Policy"), HasSubstr("'none'"));
  }
  EXPECT_THAT(Get("/chart.js")->body, HasSubstr("Chart.js"));
}

TEST_F(DashboardTest, ThePageNamesNoOtherHost) {
  Start();
  for (const char* path : {"/", "/app.js", "/charts.js", "/view.js", "/format.js", "/style.css"}) {
    EXPECT_THAT(Get(path)->body, Not(HasSubstr("//cdn")));
    EXPECT_THAT(Get(path)->body, Not(HasSubstr("https:"))) << path;
    EXPECT_THAT(Get(path)->body, Not(HasSubstr("innerHTML"))) << path;
  }
}

TEST_F(DashboardTest, ListsItsRuns) {
  Start();
  const auto answer = nlohmann::json::parse(Get("/api/runs")->body);
  ASSERT_EQ(answer["runs"].size(), 1u);
  EXPECT_EQ(answer["runs"][0]["id"], "a");
  EXPECT_EQ(answer["runs"][0]["env"], "Hopper-v5");
}

TEST_F(DashboardTest, StreamsARunFromItsStart) {
  Start();
  EXPECT_TRUE(EventsBring("/api/events?run=a", "\"env_steps\":[1000,2000]"));
}

TEST_F(DashboardTest, StreamsARowThatIsWrittenWhileItLooks) {
  Start();
  std::string got;
  bool written = false;
  Client().Get("/api/events?run=a", [&](const char* data, size_t size) {
    got.append(data, size);
    if (!std::exchange(written, true)) Append(run_ + "/metrics.csv", "3000,11\n");
    return !absl::StrContains(got, "\"env_steps\":[3000]");
  });
  EXPECT_THAT(got, HasSubstr("\"from\":2"));
}

TEST_F(DashboardTest, ANameThatIsNoRunLeadsNowhere) {
  Append(dir_.File("secret.csv"), "env_steps\n77777\n");
  MakeRun(dir_.File("elsewhere"));
  Start();
  for (const char* path : {"/api/events?run=../elsewhere", "/api/events?run=..%2felsewhere",
                           "/api/events?run=a%2f..%2f..%2felsewhere", "/api/events?run=%00",
                           "/api/events", "/../secret.csv", "/%2e%2e/secret.csv", "/a/metrics.csv",
                           "/runs/a", "//etc/passwd", "/app.js/../../../../etc/passwd"}) {
    const httplib::Result answer = Get(path);
    ASSERT_TRUE(answer) << path;
    EXPECT_EQ(answer->status, 404) << path;
  }
}

TEST_F(DashboardTest, OnlyReadsAreAnswered) {
  Start();
  EXPECT_EQ(Client().Post("/api/runs", "{}", "application/json")->status, 404);
  EXPECT_EQ(Client().Delete("/")->status, 404);
}

TEST_F(DashboardTest, AForeignHostNameIsRefusedOnLoopback) {
  Start();
  EXPECT_EQ(Get("/api/runs", {{"Host", "evil.example.org"}})->status, 403);
}

TEST_F(DashboardTest, ATokenIsAskedForEverywhereAndBecomesACookie) {
  Append(dir_.File("token"), "0123456789abcdef\n");
  DashboardOptions options;
  options.token_file = dir_.File("token");
  Start(options);
  for (const char* path : {"/", "/app.js", "/api/runs", "/api/events?run=a", "/?token=wrong"}) {
    EXPECT_EQ(Get(path)->status, 401) << path;
  }
  const httplib::Result first = Get("/?token=0123456789abcdef");
  EXPECT_EQ(first->status, 303);
  EXPECT_EQ(first->get_header_value("Location"), "/");
  EXPECT_THAT(first->get_header_value("Set-Cookie"), HasSubstr("HttpOnly; SameSite=Strict"));
  EXPECT_EQ(Get("/api/runs", {{"Cookie", "pmoe_token=0123456789abcdef"}})->status, 200);
}

// Viewers that stay until `stay` is false.
class Viewers {
 public:
  Viewers(int count, const std::function<httplib::Client()>& client) {
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back([this, client] {
        client().Get("/api/events?run=a", [this](const char*, size_t) {
          ++events_;
          return true;
        });
      });
    }
    (void)Eventually([&] { return events_ >= count; });
  }
  ~Viewers() {
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::atomic<int> events_{0};
  std::vector<std::thread> threads_;
};

TEST_F(DashboardTest, OneViewerTooManyIsToldAndRequestsStillPass) {
  Start();
  Viewers viewers(Dashboard::kViewersMax, [this] { return Client(); });
  EXPECT_EQ(Get("/api/events?run=a")->status, 503);
  EXPECT_EQ(Get("/api/runs")->status, 200);
  dashboard_.reset();  // ends the streams
}

TEST_F(DashboardTest, OpenStreamsDoNotDelayItsEnd) {
  Start();
  Viewers viewers(3, [this] { return Client(); });
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
  for (const char* address : {"6006", "host:", ":6006", "host:99999", "host:x"}) {
    DashboardOptions options;
    options.address = address;
    EXPECT_THAT(Dashboard::Start(options), IsInvalid("must be host:port")) << address;
  }
}

}  // namespace
}  // namespace pmoe
