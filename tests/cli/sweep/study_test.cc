// What a study's file must be, and what Python is told of it. tests/python/study_test.py runs one.
#include "cli/sweep/study.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "cli/sweep/sweep_plan.h"
#include "google/protobuf/text_format.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

absl::StatusOr<std::string> Plan(const std::string& text) {
  SweepFile sweep;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      absl::StrCat("out: 'x' steps: 5000 set: 'env.id=Hopper-v5' ", text), &sweep));
  return StudyPlan(sweep, "a/b.textproto", 3);
}

TEST(StudyPlanTest, TellsPythonAllThatItNeeds) {
  const auto plan = Plan(
      "range { field: 'learner.actor_lr' min: 1e-4 max: 1e-2 log: true } trials: 7 "
      "range { field: 'learner.batch_size' min: 16 max: 64 } objective: 'mean' "
      "grid { field: 'algorithm' value: ['sac', 'pmoe_sac'] }");
  ASSERT_OK(plan);
  const auto json = nlohmann::json::parse(*plan);
  EXPECT_EQ(json["name"], "b");
  EXPECT_EQ(json["trials"], 7);
  EXPECT_EQ(json["jobs"], 3);
  EXPECT_EQ(json["objective"], "mean");
  EXPECT_EQ(json["steps"], 5000);
  EXPECT_EQ(json["ranges"][0], nlohmann::json::parse(R"({"field": "learner.actor_lr",
      "integer": false, "log": true, "min": 0.0001, "max": 0.01})"));
  EXPECT_EQ(json["ranges"][1], nlohmann::json::parse(R"({"field": "learner.batch_size",
      "integer": true, "log": false, "min": 16, "max": 64})"));
  EXPECT_EQ(json["grid"][0]["values"], nlohmann::json::parse(R"(["sac", "pmoe_sac"])"));
  const std::vector<std::string> words = json["words"];
  EXPECT_EQ(words, (std::vector<std::string>{"--set", "observe.video=false", "--set",
                                             "schedule.total_steps=5000", "--set",
                                             "env.id=Hopper-v5", "--set", "learner.threads=1"}));
}

TEST(StudyPlanTest, NamesWhatIsWrong) {
  const std::string lr = "range { field: 'learner.actor_lr' ";
  EXPECT_THAT(Plan("grid { field: 'seed' value: '1' }").status(),
              IsInvalid("a/b.textproto: --study wants a range"));
  EXPECT_THAT(Plan(lr + "min: 1 max: 0.5 }").status(),
              IsInvalid("range[0] (learner.actor_lr) needs finite min < max, got 1 and 0.5"));
  EXPECT_THAT(Plan(lr + "min: nan max: 0.5 }").status(), IsInvalid("got nan and 0.5"));
  EXPECT_THAT(Plan(lr + "min: 0 max: 0.5 log: true }").status(),
              IsInvalid("needs min > 0 with log, got 0 and 0.5"));
  EXPECT_THAT(Plan("range { field: 'learner.actor_lt' min: 0 max: 1 }").status(),
              IsInvalid("unknown setting learner.actor_lt; did you mean learner.actor_lr"));
  EXPECT_THAT(Plan("range { field: 'policy.hidden' min: 8 max: 16 }").status(),
              IsInvalid("range[0] (policy.hidden) is no number; list its values in a grid"));
  EXPECT_THAT(Plan("range { field: 'learner.batch_size' min: 8 max: 16.5 }").status(),
              IsInvalid("needs whole numbers, got 8 and 16.5"));
  EXPECT_THAT(Plan(lr + "min: 1e-4 max: 2 }").status(), IsInvalid("learner.actor_lr must be"));
  EXPECT_THAT(Plan(lr + "min: 1e-4 max: 1e-3 } variant { name: 'a' }").status(),
              IsInvalid("variant is not for a study"));
  EXPECT_THAT(Plan(lr + "min: 1e-4 max: 1e-3 } trials: 0").status(),
              IsInvalid("trials must be in [1, 10000], got 0"));
  EXPECT_THAT(Plan(lr + "min: 1e-4 max: 1e-3 } objective: 'most'").status(),
              IsInvalid("objective must be last, best or mean, got \"most\""));
  EXPECT_THAT(Plan(lr + "min: 1e-4 max: 1e-3 } set: 'learner.actor_lr=1e-3'").status(),
              IsInvalid("has no effect beside"));
}

TEST(StudyPlanTest, ASweepWithoutItHasNoRanges) {
  SweepFile sweep;
  sweep.set_out("x");
  sweep.add_range()->set_field("learner.actor_lr");
  EXPECT_THAT(MakeSweepPlan(sweep, "b.textproto").status(),
              IsInvalid("b.textproto: range is for a study"));
}

}  // namespace
}  // namespace pmoe
