// bench threshold: seconds on the wall until the mean return of an evaluation reaches a threshold,
// one update per env step, from random weights: our SAC and PMOE-SAC, each with its own preset and
// with modern critics, beside SBX's SAC and CrossQ and Stable-Baselines3's SAC with their own
// settings. All sides stay on the same cores, one at a time; round n is seed n.
#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "tests/benchmark/benchmarks.h"
#include "tests/benchmark/other_load.h"
#include "tests/benchmark/peers.h"
#include "tests/benchmark/scoped_cores.h"
#include "tests/benchmark/threshold_runs.h"
#include "tests/benchmark/threshold_table.h"

namespace pmoe {
namespace {

constexpr struct {
  const char* env;
  double threshold;
} kTasks[] = {{"HalfCheetah-v5", 5000.0}, {"Hopper-v5", 2500.0}, {"Walker2d-v5", 3000.0}};

constexpr struct {
  const char *name, *algorithm, *preset;
} kOurs[] = {{"sac_paper", "sac", "paper"},
             {"sac_modern", "sac", "modern"},
             {"pmoe_sac_paper", "pmoe_sac", "paper"},
             {"pmoe_sac_modern", "pmoe_sac", "modern"}};

constexpr struct {
  const char *name, *library, *algorithm;
} kPeers[] = {
    {"sbx_sac", "sbx", "sac"}, {"sbx_crossq", "sbx", "crossq"}, {"sb3_sac", "sb3", "sac"}};

struct Contestant {
  ThresholdSide side;
  std::function<absl::StatusOr<ThresholdRun>(const ThresholdTask& task, int64_t seed)> train;
};

struct Contest {
  ThresholdTask task;
  std::vector<Contestant> contestants{};
};

std::vector<Contestant> AllSides(const BenchFlags& flags) {
  std::vector<Contestant> sides;
  for (const auto& our : kOurs) {
    std::vector<std::string> sets = {absl::StrCat("learner.threads=", flags.threads)};
    sets.insert(sets.end(), flags.sets.begin(), flags.sets.end());
    sides.push_back(
        {{our.name, /*ours=*/true}, [our, sets](const ThresholdTask& task, int64_t seed) {
           return TrainOurs(task, our.name, {"--algo", our.algorithm, "--preset", our.preset}, sets,
                            seed);
         }});
  }
  for (const auto& peer : kPeers) {
    sides.push_back({{peer.name}, [peer](const ThresholdTask& task, int64_t seed) {
                       return TrainPeer(task, peer.library, peer.algorithm, seed);
                     }});
  }
  return sides;
}

absl::StatusOr<std::vector<ThresholdTask>> Tasks(const BenchFlags& flags) {
  const int steps = (flags.steps + kStepsPerEvaluation - 1) / kStepsPerEvaluation *
                    kStepsPerEvaluation;  // to an evaluation
  std::vector<ThresholdTask> tasks;
  for (const auto& task : kTasks) {
    if (flags.env.empty() || flags.env == task.env)
      tasks.push_back({task.env, task.threshold, steps});
  }
  if (!flags.threshold.has_value()) {
    if (!tasks.empty()) return tasks;
    return absl::InvalidArgumentError(
        absl::StrCat("--env ", flags.env, " needs a --threshold, the return to reach"));
  }
  if (!std::isfinite(*flags.threshold)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--threshold must be a finite return, got ", *flags.threshold));
  }
  if (flags.env.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("--threshold ", *flags.threshold,
                                                   " needs an --env, since returns of "
                                                   "different tasks mean different things"));
  }
  return std::vector<ThresholdTask>{{flags.env, *flags.threshold, steps}};
}

// Ours of their own kinds: Gymnasium has no such environment.
bool PeersKnow(const std::string& env) {
  return !absl::StartsWith(env, "mjcf:") && !absl::StartsWith(env, "plugin:");
}

// The sides of `task` that the flags choose.
absl::StatusOr<Contest> Choose(const BenchFlags& flags, bool installed, const ThresholdTask& task) {
  Contest contest{task};
  for (Contestant& contestant : AllSides(flags)) {
    const ThresholdSide& side = contestant.side;
    if (!flags.Chooses(absl::StrCat(task.env, "/", side.name))) continue;
    if (!side.ours) {
      if (!flags.peers) continue;
      if (!PeersKnow(task.env)) {
        return absl::InvalidArgumentError(absl::StrCat(
            "--env ", task.env, " is none of Gymnasium's, which the peers need; add --no-peers"));
      }
      if (!installed) continue;
    }
    contest.contestants.push_back(std::move(contestant));
  }
  return contest;
}

absl::StatusOr<std::vector<Contest>> ChooseAll(const BenchFlags& flags, Report* report) {
  PMOE_ASSIGN_OR_RETURN(const std::vector<ThresholdTask> tasks, Tasks(flags));
  const bool installed = flags.peers && PeersInstalled(report);
  std::vector<Contest> chosen;
  for (const ThresholdTask& task : tasks) {
    PMOE_ASSIGN_OR_RETURN(Contest contest, Choose(flags, installed, task));
    if (!contest.contestants.empty()) chosen.push_back(std::move(contest));
  }
  if (!chosen.empty()) return chosen;
  std::vector<std::string> names;
  for (const Contestant& contestant : AllSides(flags)) names.push_back(contestant.side.name);
  return absl::InvalidArgumentError(
      absl::StrCat("--only ", flags.only, " chooses nothing that can run; it must be part of ",
                   tasks[0].env, "/SIDE, SIDE one of ", absl::StrJoin(names, ", ")));
}

absl::Status RunRounds(const BenchFlags& flags, Contest* contest, OtherLoad* load) {
  const ScopedCores pinned(flags.threads);
  for (int round = 1; round <= flags.rounds; ++round) {
    load->BeginRound();
    for (Contestant& contestant : contest->contestants) {
      absl::StatusOr<ThresholdRun> run = contestant.train(contest->task, round);
      if (!run.ok()) {
        load->EndRound();
        return run.status();
      }
      contestant.side.runs.push_back(*run);
    }
    load->EndRound();
  }
  return absl::OkStatus();
}

}  // namespace

// What has run is reported also when the rest is interrupted or fails: it took hours.
absl::Status BenchThreshold(const BenchFlags& flags, Report* report) {
  if (flags.threads > AllowedCores()) {
    return absl::InvalidArgumentError(absl::StrCat("--threads must be at most ", AllowedCores(),
                                                   ", the cores that it may use, got ",
                                                   flags.threads));
  }
  PMOE_ASSIGN_OR_RETURN(std::vector<Contest> contests, ChooseAll(flags, report));
  for (Contest& contest : contests) {
    OtherLoad load;
    const absl::Status status = RunRounds(flags, &contest, &load);
    std::vector<ThresholdSide> sides;
    for (const Contestant& contestant : contest.contestants) sides.push_back(contestant.side);
    if (ReportThreshold(contest.task, sides, load.Mark(), report)) {
      load.Tell(contest.task.env, report);
    }
    PMOE_RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

}  // namespace pmoe
