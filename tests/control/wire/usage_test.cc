#include "control/wire/usage.h"

#include <chrono>
#include <cstdlib>

#include "common/base/clock.h"
#include "gtest/gtest.h"

namespace pmoe {
namespace {

TEST(ProcessMeterTest, ABusyThreadTakesAboutOneCore) {
  const double machine_s = MachineCpuSeconds();
  ProcessMeter meter;
  const auto until = Clock::Real()->Now() + std::chrono::milliseconds(700);
  while (Clock::Real()->Now() < until) continue;
  const ProcessUsage usage = MeasureUsage(&meter);
  // Beside other load it gets less of one; never more.
  EXPECT_GT(usage.cpu_cores(), 0.02);
  EXPECT_LT(usage.cpu_cores(), 1.1);
  EXPECT_GT(usage.memory_bytes(), 1'000'000);
  EXPECT_GE(usage.cpu_s(), 0.5 * usage.cpu_cores());
  EXPECT_GE(usage.cores(), 1u);
  // The machine counts in hundredths.
  EXPECT_GT(MachineCpuSeconds() - machine_s, 0.7 * usage.cpu_cores() - 0.05);
}

TEST(GpuMeterTest, WithoutADriverThereAreNoGpus) {
  EXPECT_TRUE(GpuMeter("/no/such/driver").Look().empty());
}

TEST(GpuMeterTest, ALibraryThatIsNotThereIsNoError) {
  EXPECT_TRUE(GpuMeter("/dev/null", "no-such-library.so").Look().empty());
}

TEST(GpuMeterTest, ShowsTheGpusThatAnswer) {
  GpuMeter meter("/dev/null", std::getenv("PMOE_FAKE_NVML"));
  const std::vector<GpuUsage> gpus = meter.Look();
  ASSERT_EQ(gpus.size(), 1u);
  EXPECT_EQ(gpus[0].index(), 0u);
  EXPECT_EQ(gpus[0].name(), "Fake GPU");
  EXPECT_DOUBLE_EQ(gpus[0].busy(), 0.37);
  EXPECT_EQ(gpus[0].memory_used_bytes(), 600);
  EXPECT_EQ(gpus[0].memory_total_bytes(), 1000);
}

}  // namespace
}  // namespace pmoe
