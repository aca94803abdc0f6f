#include "run/run_log.h"

#include <set>

#include "absl/strings/match.h"
#include "common/metrics/tensorboard_tags.h"
#include "gtest/gtest.h"

namespace pmoe {
namespace {

TEST(RunLogTest, EveryColumnIsATagOfItsOwnInAGroup) {
  std::set<std::string> tags;
  for (const std::string& column : MetricColumns(/*primitives=*/2)) {
    const std::string tag = TensorBoardTag(column);
    EXPECT_FALSE(absl::StartsWith(tag, "other/")) << column << ": give it a group";
    EXPECT_TRUE(tags.insert(tag).second) << tag << " is two columns";
  }
}

TEST(RunLogTest, SettingsAreThoseThatTheAlgorithmReads) {
  RunConfig config;
  config.set_algorithm("sac");
  config.mutable_learner()->set_batch_size(32);
  config.mutable_learner()->set_epochs(3);  // PPO's
  const RunSettings settings = RunLogOptions::FromConfig(config, 100).settings;
  using Setting = std::pair<std::string, std::string>;
  EXPECT_EQ(settings.by_path,
            (std::vector<Setting>{{"algorithm", "sac"}, {"learner.batch_size", "32"}}));
  EXPECT_TRUE(absl::StrContains(settings.config_text, "epochs: 3"));
}

}  // namespace
}  // namespace pmoe
