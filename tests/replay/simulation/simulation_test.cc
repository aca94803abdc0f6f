// Thousands of lives of the data plane. A failing one is named by its seed and told step by step:
//   PMOE_SIMULATION_SEED=S replay_simulation_test      tells that one
//   PMOE_SIMULATION_SEEDS=N replay_simulation_test     as many, from seed S or 1 on
// (./pmoe check simulation).
#include "tests/replay/simulation/simulation.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "absl/strings/numbers.h"

namespace pmoe {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint64_t kSeeds = 100;
#else
constexpr uint64_t kSeeds = 500;
#endif

// 0: it is not set.
uint64_t FromEnvironment(const char* name) {
  const char* const text = std::getenv(name);
  uint64_t value = 0;
  if (text == nullptr || !absl::SimpleAtoi(text, &value)) return 0;
  return value;
}

void Tell(uint64_t seed) {
  for (const std::string& line : RunSimulation(seed, /*trace=*/true).trace) {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
}

TEST(SimulationTest, NoRowIsLostDoubledTornOrUnknownBeyondWhatIsPromised) {
  const uint64_t first = std::max<uint64_t>(1, FromEnvironment("PMOE_SIMULATION_SEED"));
  uint64_t seeds = FromEnvironment("PMOE_SIMULATION_SEEDS");
  const bool one = seeds == 0 && FromEnvironment("PMOE_SIMULATION_SEED") > 0;
  if (seeds == 0) seeds = one ? 1 : kSeeds;
  std::map<std::string, int64_t> seen;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    const SimResult result = RunSimulation(seed, /*trace=*/false);
    for (const auto& [what, times] : result.seen) seen[what] += times;
    if (!one && result.failure.empty()) continue;
    Tell(seed);
    ASSERT_EQ(result.failure, "") << "seed " << seed << ", after " << seed - first + 1 << " seeds";
  }
  for (const auto& [what, times] : seen) {
    std::fprintf(stderr, "%12lld %s\n", static_cast<long long>(times), what.c_str());
  }
  if (seeds < kSeeds) return;
  for (const char* what : {"kills", "power losses", "changes lost", "rollouts given again",
                           "starts from a checkpoint", "starts from the log alone"}) {
    EXPECT_GT(seen[what], 10) << what;
  }
}

}  // namespace
}  // namespace pmoe
