// bench e2e: HalfCheetah-v5, SAC with batch 256, tuned alpha, one update per env step, from random
// weights: our run at lag 0 and 1 beside SBX with its usual settings and with 50 updates per jit
// call, with every number of threads. Warm-up is off every clock: ours is a run that ends
// where the updates begin, theirs stops the clock until the jit compiler is done.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "tests/benchmark/benchmarks.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/training_runs.h"
#include "tests/benchmark/training_sides.h"

namespace pmoe {
namespace {

using Shares = std::map<std::string, std::vector<double>>;  // part of a run: [rounds]

void AddShares(const TrainingCost& cost, Shares* shares) {
  const auto spent = [&](const char* column) {
    return cost.last.at(column) - cost.first.at(column);
  };
  (*shares)["env"].push_back(spent("time_env_s") / cost.wall_s);
  (*shares)["policy"].push_back(spent("time_policy_s") / cost.wall_s);
  (*shares)["replay"].push_back((spent("time_write_s") + spent("time_replay_s")) / cost.wall_s);
  (*shares)["update"].push_back(spent("time_update_s") / cost.wall_s);
  // What the default schedule would add: 10 episodes every 5,000 env steps.
  const double eval_s = 10.0 * cost.last.at("eval_s") / 5000.0 * cost.env_steps;
  (*shares)["evaluation_by_default"].push_back(eval_s / cost.wall_s);
}

TrainingSide OurSide(const BenchFlags& flags, const std::string& name, int lag, Shares* shares) {
  std::vector<std::string> sets = {absl::StrCat("schedule.lag=", lag)};
  sets.insert(sets.end(), flags.sets.begin(), flags.sets.end());
  const TrainingPlan plan = SacTraining(flags.steps, sets);
  return {name, [plan, lag, shares]() -> absl::StatusOr<TrainingCost> {
            PMOE_ASSIGN_OR_RETURN(const TrainingCost cost, MeasureTraining(plan));
            if (lag == 0) AddShares(cost, shares);
            return cost;
          }};
}

std::vector<TrainingSide> SbxSides(const BenchFlags& flags, int train_freq) {
  return PeerSides(
      absl::StrCat("sbx_train_freq", train_freq), "sbx_halfcheetah.py",
      {"--steps", std::to_string(flags.steps), "--train-freq", std::to_string(train_freq)});
}

}  // namespace

absl::Status BenchEndToEnd(const BenchFlags& flags, Report* report) {
  Shares shares;
  std::vector<TrainingSide> sides = {OurSide(flags, "pmoe", /*lag=*/0, &shares),
                                     OurSide(flags, "pmoe_lag1", /*lag=*/1, &shares)};
  for (const int train_freq : {1, 50}) {
    for (TrainingSide& side : SbxSides(flags, train_freq)) sides.push_back(std::move(side));
  }
  PMOE_RETURN_IF_ERROR(CompareTrainings(flags, "HalfCheetah-v5, UTD 1", std::move(sides), report));
  if (!shares.empty()) report->Table("share of pmoe's wall time", {"share"});
  for (const auto& [part, values] : shares) report->Row(part, {Median(values)});
  return absl::OkStatus();
}

}  // namespace pmoe
