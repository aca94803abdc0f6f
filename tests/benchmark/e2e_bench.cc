// bench e2e: HalfCheetah-v5, SAC with batch 256, tuned alpha, one update per env step, from random
// weights: our run at lag 0 and 1 beside SBX with its usual settings and with 50 updates per jit
// call. Every side gets its default threads. Warm-up is off every clock: ours is a run that ends
// where the updates begin, theirs stops the clock until the jit compiler is done.
#include <stdlib.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "nlohmann/json.hpp"
#include "tests/benchmark/benchmarks.h"
#include "tests/benchmark/child_process.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/training_runs.h"

namespace pmoe {
namespace {

struct Measured {
  double env_steps = 0.0, updates = 0.0, wall_s = 0.0, cpu_s = 0.0;
};

struct Side {
  std::string name;
  int lag = 0;         // ours
  int train_freq = 0;  // theirs; 0: ours
  std::vector<double> steps_per_s{}, steps_per_cpu_s{}, updates_per_s{};
};

std::string PeerPython() {
  const char* deps = std::getenv("PMOE_DEPS");
  return absl::StrCat(deps != nullptr ? deps : PMOE_DEPS_DIR, "/peers/bin/python");
}

void AddShares(const CsvRow& first, const CsvRow& last, double wall_s,
               std::map<std::string, std::vector<double>>* shares) {
  const auto spent = [&](const char* column) { return last.at(column) - first.at(column); };
  (*shares)["env"].push_back(spent("time_env_s") / wall_s);
  (*shares)["policy"].push_back(spent("time_policy_s") / wall_s);
  (*shares)["replay"].push_back((spent("time_write_s") + spent("time_replay_s")) / wall_s);
  (*shares)["update"].push_back(spent("time_update_s") / wall_s);
  // What the default schedule would add: 10 episodes every 5,000 env steps.
  const double steps = last.at("env_steps") - first.at("env_steps");
  (*shares)["evaluation_by_default"].push_back(10.0 * last.at("eval_s") / 5000.0 * steps / wall_s);
}

absl::StatusOr<Measured> RunOurs(const BenchFlags& flags, const Side& side,
                                 std::map<std::string, std::vector<double>>* shares) {
  TrainingPlan plan;
  plan.sets = {absl::StrCat("schedule.lag=", side.lag)};
  plan.sets.insert(plan.sets.end(), flags.sets.begin(), flags.sets.end());
  plan.steps = flags.steps;
  PMOE_ASSIGN_OR_RETURN(const TrainingCost cost, MeasureTraining(plan));
  if (side.lag == 0) AddShares(cost.first, cost.last, cost.wall_s, shares);
  return Measured{cost.env_steps, cost.updates, cost.wall_s, cost.cpu_s};
}

absl::StatusOr<Measured> RunTheirs(const BenchFlags& flags, int train_freq) {
  PMOE_ASSIGN_OR_RETURN(
      const ChildResult child,
      RunChild({PeerPython(), PMOE_SOURCE_DIR "/experiments/peers/sbx_halfcheetah.py", "--steps",
                std::to_string(flags.steps), "--train-freq", std::to_string(train_freq)},
               /*show_errors=*/true));
  const nlohmann::json json = nlohmann::json::parse(child.out, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return absl::InternalError("sbx_halfcheetah.py printed no JSON object");
  return Measured{json.value("env_steps", 0.0), json.value("updates", 0.0),
                  json.value("wall_s", 0.0), json.value("cpu_s", 0.0)};
}

std::vector<Side> ChooseSides(const BenchFlags& flags, Report* report) {
  std::vector<Side> all = {{"pmoe"}, {"pmoe_lag1", 1}};
  if (flags.peers && std::filesystem::exists(PeerPython())) {
    all.push_back({"sbx_train_freq1", 0, 1});
    all.push_back({"sbx_train_freq50", 0, 50});
  } else if (flags.peers) {
    report->Note(absl::StrCat("SBX is not installed (", PeerPython(),
                              "): experiments/peers/setup_peers.sh gets it; ours alone:"));
  }
  std::vector<Side> chosen;
  for (Side& side : all) {
    if (absl::StrContains(side.name, flags.only)) chosen.push_back(std::move(side));
  }
  return chosen;
}

void ReportRatios(const std::vector<Side>& sides, Report* report) {
  std::vector<const Side*> ours, theirs;
  for (const Side& side : sides) (side.train_freq == 0 ? ours : theirs).push_back(&side);
  if (ours.empty() || theirs.empty()) return;
  report->Table("ours over theirs", {"wall", "cpu"});
  for (const Side* our : ours) {
    for (const Side* their : theirs) {
      report->Row(absl::StrCat(our->name, "/", their->name),
                  {MedianRatio(our->steps_per_s, their->steps_per_s),
                   MedianRatio(our->steps_per_cpu_s, their->steps_per_cpu_s)});
    }
  }
}

}  // namespace

absl::Status BenchEndToEnd(const BenchFlags& flags, Report* report) {
  std::vector<Side> sides = ChooseSides(flags, report);
  std::map<std::string, std::vector<double>> shares;
  for (int round = 0; round < flags.rounds; ++round) {
    for (Side& side : sides) {
      PMOE_ASSIGN_OR_RETURN(const Measured m, side.train_freq > 0
                                                  ? RunTheirs(flags, side.train_freq)
                                                  : RunOurs(flags, side, &shares));
      side.steps_per_s.push_back(m.env_steps / m.wall_s);
      side.steps_per_cpu_s.push_back(m.env_steps / m.cpu_s);
      side.updates_per_s.push_back(m.updates / m.wall_s);
    }
  }
  report->Table("HalfCheetah-v5, UTD 1",
                {"env_steps_per_s", "updates_per_s", "env_steps_per_cpu_s"});
  for (const Side& side : sides) {
    report->Row(side.name, {Median(side.steps_per_s), Median(side.updates_per_s),
                            Median(side.steps_per_cpu_s)});
  }
  ReportRatios(sides, report);
  if (!shares.empty()) report->Table("share of pmoe's wall time", {"share"});
  for (const auto& [part, values] : shares) report->Row(part, {Median(values)});
  report->Value("load_average_after", LoadAverage());
  return absl::OkStatus();
}

}  // namespace pmoe
