#include "tests/benchmark/threshold_runs.h"

#include <algorithm>
#include <cstdio>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "common/base/build_info.h"
#include "common/base/status_macros.h"
#include "tests/benchmark/child_process.h"
#include "tests/benchmark/peers.h"
#include "tests/benchmark/scratch_folder.h"
#include "tests/benchmark/training_runs.h"

namespace pmoe {
namespace {

std::vector<std::string> FirstPart(const ThresholdTask& task, const std::vector<std::string>& words,
                                   const std::vector<std::string>& sets, int64_t seed,
                                   const std::string& out) {
  std::vector<std::string> args = {BinaryPath("pmoe"),
                                   "train",
                                   "--env",
                                   task.env,
                                   "--seed",
                                   absl::StrCat(seed),
                                   "--steps",
                                   absl::StrCat(kStepsPerEvaluation),
                                   "--dashboard",
                                   "none",
                                   "--out",
                                   out};
  args.insert(args.end(), words.begin(), words.end());
  std::vector<std::string> all = {"observe.eval_action=argmax_mean", "observe.eval_episodes=10",
                                  absl::StrCat("observe.log_every_steps=", kStepsPerEvaluation),
                                  "observe.video=false", "checkpoint.keep=1"};
  all.insert(all.end(), sets.begin(), sets.end());
  // What the parts rest on: evaluated and saved where each ends, and nowhere else.
  all.insert(all.end(), {"observe.eval_every_steps=0", "checkpoint.every_steps=0"});
  for (const std::string& set : all) args.insert(args.end(), {"--set", set});
  return args;
}

std::vector<std::string> NextPart(const std::string& out, int steps) {
  return {BinaryPath("pmoe"),  "train",       "--resume", out, "--steps",
          absl::StrCat(steps), "--dashboard", "none"};
}

// One part, added to the run.
absl::Status AddPart(const std::vector<std::string>& args, const std::string& out, double threshold,
                     double* last_return, ThresholdRun* run) {
  PMOE_ASSIGN_OR_RETURN(const ChildResult child, RunChild(args, /*show_errors=*/false));
  PMOE_ASSIGN_OR_RETURN(CsvRow row, LastMetrics(out + "/metrics.csv"));
  if (row.count("eval_return_mean") == 0) {
    return absl::InternalError(
        absl::StrCat("metrics.csv has no eval_return_mean at ", row["env_steps"],
                     " env steps: the environment failed in every episode of its evaluation"));
  }
  *last_return = row["eval_return_mean"];
  run->env_steps = row["env_steps"];
  run->wall_s += row["wall_s"];
  run->cpu_s += child.cpu_s;
  run->best_return = std::max(run->best_return, *last_return);
  run->reached = *last_return >= threshold;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ThresholdRun> TrainOurs(const ThresholdTask& task, const std::string& name,
                                       const std::vector<std::string>& words,
                                       const std::vector<std::string>& sets, int64_t seed) {
  const ScratchFolder folder;
  if (folder.path().empty()) {
    return absl::FailedPreconditionError(
        "cannot make a folder for runs; TMPDIR, or /tmp without it, must be one to write to");
  }
  const std::string out = folder.path() + "/run";
  ThresholdRun run;
  run.best_return = -std::numeric_limits<double>::infinity();
  for (int steps = kStepsPerEvaluation; steps <= task.steps && !run.reached;
       steps += kStepsPerEvaluation) {
    double last_return = 0.0;
    PMOE_RETURN_IF_ERROR(AddPart(steps == kStepsPerEvaluation
                                     ? FirstPart(task, words, sets, seed, out)
                                     : NextPart(out, steps),
                                 out, task.threshold, &last_return, &run));
    std::fprintf(stderr, "%s/%s seed %lld: %.0f env steps, %.0f s, return %.1f\n", task.env.c_str(),
                 name.c_str(), static_cast<long long>(seed), run.env_steps, run.wall_s,
                 last_return);
  }
  return run;
}

absl::StatusOr<ThresholdRun> TrainPeer(const ThresholdTask& task, const std::string& library,
                                       const std::string& algorithm, int64_t seed) {
  const std::string env(absl::StripPrefix(task.env, "gym:"));
  PMOE_ASSIGN_OR_RETURN(
      auto numbers,
      RunPeerProgram(PeerScript("threshold.py",
                                {"--library", library, "--algo", algorithm, "--env", env,
                                 absl::StrFormat("--threshold=%.17g", task.threshold), "--steps",
                                 absl::StrCat(task.steps), "--seed", absl::StrCat(seed)})));
  ThresholdRun run;
  run.reached = numbers["reached"] != 0.0;
  run.env_steps = numbers["env_steps"];
  run.wall_s = numbers["wall_s"];
  run.cpu_s = numbers["cpu_s"];
  run.compile_s = numbers["compile_s"];
  run.best_return = numbers["best_return"];
  return run;
}

}  // namespace pmoe
