#include "common/metrics/process_metrics.h"

#include "gmock/gmock.h"
#include "tests/testing/http_client.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

using ::testing::ContainsRegex;

constexpr char kNetDev[] =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n"
    "    lo: 9999999    1234    0    0    0     0          0         0  9999999    1234    0 0\n"
    "  eth0: 1000       10    0    0    0     0          0         0     2000      20    0 0\n"
    "  eth1:300       10    0    0    0     0          0         0     50      20    0 0\n";

TEST(ProcessMetricsTest, AllInterfacesButLoopbackCount) {
  const NetworkBytes bytes = ParseNetworkBytes(kNetDev);
  EXPECT_EQ(bytes.received, 1300u);
  EXPECT_EQ(bytes.sent, 2050u);
}

TEST(ProcessMetricsTest, WhatIsNoLineOfTheKernelsIsLeftOut) {
  for (const char* text : {"", "eth0", "eth0: 1 2 3", "eth0: a b c d e f g h i j", ":::"}) {
    EXPECT_EQ(ParseNetworkBytes(text).received, 0u) << text;
  }
}

TEST(ProcessMetricsTest, AProcessServesWhatItTakes) {
  auto exporter = MetricsExporter::Start("127.0.0.1:0");
  ASSERT_OK(exporter);
  ProcessMetrics().Export(exporter->get());
  const std::string page = HttpGet((*exporter)->address(), "/metrics").body;
  EXPECT_THAT(page, ContainsRegex("\npmoe_process_cores [1-9]"));
  EXPECT_THAT(page, ContainsRegex("\npmoe_process_memory_bytes [1-9]"));
  EXPECT_THAT(page, ContainsRegex("\npmoe_process_memory_limit_bytes [1-9]"));
  EXPECT_THAT(page, ContainsRegex("\npmoe_process_cpu_seconds_total [0-9.]*[1-9]"));
}

}  // namespace
}  // namespace pmoe
