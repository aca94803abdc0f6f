#include "learner/ppo/ppo_options.h"

#include "learner/ppo/ppo_nets.h"

namespace pmoe {

absl::Status PpoOptions::Validate() const {
  if (rollout_steps < 1 || batch_size < 1 || epochs < 1 || total_rollouts < 1 || threads < 1) {
    return absl::InvalidArgumentError(
        "PpoOptions: rollout_steps, batch_size, epochs, total_rollouts and threads must be >= 1");
  }
  return absl::OkStatus();
}

std::vector<std::string> PpoColumns(const PpoOptions& options, HeadType head) {
  std::vector<std::string> columns;
  if (head == HeadType::kOption) {
    columns = {kColumnComponent, kColumnOptionBefore, kColumnEpisodeStart};
    if (options.behavior_log_prob) {
      columns.insert(columns.end(), {kColumnComponentLogProb, kColumnJointLogProb});
    }
    return columns;
  }
  const bool ranks_acted = options.frequency_loss && options.rank_by != RankBy::kActionQ;
  if (head == HeadType::kMixture && (options.ratio != RatioOf::kDensity || ranks_acted)) {
    columns.push_back(kColumnComponent);
  }
  if (options.behavior_log_prob) columns.push_back(LogProbColumn(options.ratio));
  return columns;
}

}  // namespace pmoe
