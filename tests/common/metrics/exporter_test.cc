// Real scrapes over HTTP.
#include "common/metrics/exporter.h"

#include <chrono>

#include "common/base/clock.h"
#include "common/metrics/disk_metrics.h"
#include "common/metrics/rejection_metrics.h"
#include "common/metrics/rejections.h"
#include "gmock/gmock.h"
#include "tests/testing/http_client.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Scrape(const std::string& address) { return HttpGet(address, "/metrics").body; }

// As much as MuJoCo's library has; a thread's stack begins behind it.
thread_local volatile char large_thread_storage[92 * 1024];

class MetricsExporterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = MetricsExporter::Start("127.0.0.1:0");
    ASSERT_OK(started);
    exporter_ = *std::move(started);
  }
  std::unique_ptr<MetricsExporter> exporter_;
};

TEST_F(MetricsExporterTest, AGaugeIsServedWithItsHelp) {
  exporter_->Set("pmoe_learner_env_steps", 1234);
  const std::string page = Scrape(exporter_->address());
  EXPECT_THAT(page, HasSubstr("# TYPE pmoe_learner_env_steps gauge"));
  EXPECT_THAT(page, HasSubstr("pmoe_learner_env_steps 1234"));
}

TEST_F(MetricsExporterTest, ACounterTakesTheWholeCountAndNeverGoesBack) {
  exporter_->Set("pmoe_learner_updates_total", 10);
  exporter_->Set("pmoe_learner_updates_total", 30);
  exporter_->Set("pmoe_learner_updates_total", 20);
  EXPECT_THAT(Scrape(exporter_->address()), HasSubstr("pmoe_learner_updates_total 30"));
}

TEST_F(MetricsExporterTest, ALabelMakesItsOwnSeries) {
  exporter_->Set("pmoe_learner_members", 2, "actor");
  exporter_->Set("pmoe_learner_members", 1, "replay");
  const std::string page = Scrape(exporter_->address());
  EXPECT_THAT(page, HasSubstr("pmoe_learner_members{member=\"actor\"} 2"));
  EXPECT_THAT(page, HasSubstr("pmoe_learner_members{member=\"replay\"} 1"));
}

TEST_F(MetricsExporterTest, EverySeriesSaysWhoseItIsAlsoAfterAnotherSeat) {
  exporter_->Set("pmoe_learner_members", 2, "actor");
  exporter_->Set("pmoe_actor_env_steps_total", 7);
  exporter_->Identify({"9a0f", "actor", "3"});
  const std::string page = Scrape(exporter_->address());
  EXPECT_THAT(page, HasSubstr("{run=\"9a0f\",role=\"actor\",index=\"3\"} 7"));
  EXPECT_THAT(page, HasSubstr("{member=\"actor\",run=\"9a0f\",role=\"actor\",index=\"3\"} 2"));
  exporter_->Identify({"9a0f", "actor", "4"});
  EXPECT_THAT(Scrape(exporter_->address()), Not(HasSubstr("index=\"3\"")));
}

TEST_F(MetricsExporterTest, ALabelsValueMayHoldAnything) {
  exporter_->Set("pmoe_learner_run_info", 1, "a \"b\", c\\d\n<e>");
  EXPECT_THAT(Scrape(exporter_->address()),
              HasSubstr(R"(pmoe_learner_run_info{label="a \"b\", c\\d\n<e>"} 1)"));
}

TEST_F(MetricsExporterTest, AHistogramIsServedWithItsBuckets) {
  LatencyHistogram latencies;
  latencies.Add(0.0015);
  latencies.Add(0.0040);
  exporter_->SetHistogram("pmoe_actor_insert_ack_seconds", latencies);
  latencies.Add(0.0045);
  exporter_->SetHistogram("pmoe_actor_insert_ack_seconds", latencies);
  const std::string page = Scrape(exporter_->address());
  EXPECT_THAT(page, HasSubstr("# TYPE pmoe_actor_insert_ack_seconds histogram"));
  EXPECT_THAT(page, HasSubstr("pmoe_actor_insert_ack_seconds_bucket{le=\"0.002\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("pmoe_actor_insert_ack_seconds_bucket{le=\"0.005\"} 3\n"));
  EXPECT_THAT(page, HasSubstr("pmoe_actor_insert_ack_seconds_bucket{le=\"+Inf\"} 3\n"));
  EXPECT_THAT(page, HasSubstr("pmoe_actor_insert_ack_seconds_count 3\n"));
  EXPECT_THAT(page, HasSubstr("pmoe_actor_insert_ack_seconds_sum 0.0"));
}

TEST_F(MetricsExporterTest, WhatWasRefusedIsServedByDoorAndReason) {
  Rejections::OfProcess().Add("follow", "version", "actor 1", "policy version 99");
  ExportRejections(exporter_.get());
  EXPECT_THAT(Scrape(exporter_->address()),
              HasSubstr("pmoe_rejected_total{door=\"follow\",reason=\"version\"} 1"));
}

TEST_F(MetricsExporterTest, WhatWasNeverSetIsNotServed) {
  EXPECT_THAT(Scrape(exporter_->address()), Not(HasSubstr("pmoe_learner_env_steps")));
}

TEST_F(MetricsExporterTest, AVolumeIsServedWithItsSizeAndItsRoom) {
  ExportDisk("replay", "/", exporter_.get());
  const std::string page = Scrape(exporter_->address());
  EXPECT_THAT(page, HasSubstr("\npmoe_replay_disk_free_bytes "));
  EXPECT_THAT(page, HasSubstr("\npmoe_replay_disk_size_bytes "));
}

TEST_F(MetricsExporterTest, AFolderThatIsGoneServesNoVolume) {
  ExportDisk("learner", "/nowhere/at/all", exporter_.get());
  EXPECT_THAT(Scrape(exporter_->address()), Not(HasSubstr("disk")));
}

TEST_F(MetricsExporterTest, AnAddressInUseIsRefused) {
  EXPECT_THAT(MetricsExporter::Start(exporter_->address()),
              FailsWith(absl::StatusCode::kFailedPrecondition, "--metrics cannot listen on"));
}

TEST(MetricsExporterAddressTest, WhatIsNoAddressIsRefused) {
  for (const char* text : {"9100", ":9100", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536"}) {
    EXPECT_THAT(MetricsExporter::Start(text), IsInvalid("must be host:port")) << text;
  }
}

// A server whose threads had 100 KB of stack ended every actor with its first scrape.
TEST_F(MetricsExporterTest, AProcessWithMuchThreadLocalStorageIsScraped) {
  large_thread_storage[0] = 1;
  exporter_->Set("pmoe_actor_env_steps_total", 7);
  EXPECT_THAT(Scrape(exporter_->address()), HasSubstr("pmoe_actor_env_steps_total 7"));
}

TEST_F(MetricsExporterTest, AnotherPageIsServedBesideIt) {
  exporter_->AddPage("/sd", [](const HttpRequest& request) {
    HttpAnswer answer;
    answer.type = "application/json";
    answer.body = absl::StrCat("[\"", request.host, "\"]");
    return answer;
  });
  const HttpReply reply = HttpGet(exporter_->address(), "/sd", "Host: learner:9100\r\n");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.Header("Content-Type"), "application/json");
  EXPECT_EQ(reply.body, "[\"learner:9100\"]");
  EXPECT_EQ(HttpGet(exporter_->address(), "/").body, "only /metrics is here, and /sd\n");
}

TEST_F(MetricsExporterTest, EndsAtOnce) {
  const auto begin = Clock::Real()->Now();
  exporter_.reset();
  EXPECT_LT(Clock::Real()->Now() - begin, std::chrono::milliseconds(1500));
}

}  // namespace
}  // namespace pmoe
