#include "cli/watch/still_run.h"

#include <filesystem>
#include <fstream>

#include "common/config/run_config.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ConfigSources Sources(const std::vector<std::string>& sets) {
  ConfigSources sources;
  sources.sets = sets;
  return sources;
}

class StillRunTest : public ::testing::Test {
 protected:
  void Write(const std::vector<std::string>& observe, const std::string& rows) {
    std::ofstream(dir_.File("config.textproto")) << PrintConfig(*ResolveConfig(Sources(observe)));
    std::ofstream(dir_.File("metrics.csv")) << "env_steps,wall_s,eval_return_mean,cpu_s,gpu_s\n"
                                            << rows;
  }
  std::string Text() {
    const absl::StatusOr<StillRun> run = LookAtStillRun(dir_.path());
    EXPECT_OK(run);
    return run.ok() ? run->Text() : "";
  }
  nlohmann::json Parsed() {
    const absl::StatusOr<StillRun> run = LookAtStillRun(dir_.path());
    return run.ok() ? nlohmann::json::parse(run->Json()) : nlohmann::json();
  }
  TempDir dir_;
};

TEST_F(StillRunTest, WhatItTookIsToldInAllPerMillionStepsAndToTheReturn) {
  Write({"observe.price_per_hour=3", "observe.target_return=900"},
        "1000000,3600,950,7200,1800\n2000000,3600,990,7200,1800\n");
  // The second row is one of the same life.
  EXPECT_THAT(Text(), HasSubstr("it took 1 hours, 2 CPU hours, 0.5 GPU hours, 3.00 at 3 an hour; "
                                "per million env steps 0.5 hours, 1 CPU hours, 0.25 GPU hours, "
                                "1.50 at 3 an hour"));
  EXPECT_THAT(Text(), HasSubstr("return 900: at 1000000 env steps, after 1 hours, 2 CPU hours"));
  const nlohmann::json json = Parsed();
  EXPECT_EQ(json["cost"]["money"], 3.0);
  EXPECT_EQ(json["cost_to_target"]["env_steps"], 1000000);
}

TEST_F(StillRunTest, WhatIsNotKnownIsNotToldAsNothing) {
  Write({}, "1000000,3600,950,,\n");
  EXPECT_THAT(Text(), HasSubstr("it took 1 hours; per million env steps 1 hours\n"));
  EXPECT_THAT(Text(), Not(HasSubstr("\nreturn")));
  const nlohmann::json json = Parsed();
  EXPECT_TRUE(json["cost"]["cpu_hours"].is_null());
  EXPECT_TRUE(json["cost"]["money"].is_null());
  EXPECT_TRUE(json["cost_to_target"].is_null());
}

TEST_F(StillRunTest, AReturnThatNoneHadIsTold) {
  Write({"observe.target_return=1000"}, "1000000,3600,950,7200,0\n");
  EXPECT_THAT(Text(), HasSubstr("return 1000: no evaluation had it yet"));
}

TEST_F(StillRunTest, BeforeTheFirstRowThereIsNoCost) {
  Write({"observe.price_per_hour=3"}, "");
  EXPECT_THAT(Text(), Not(HasSubstr("it took")));
}

}  // namespace
}  // namespace pmoe
