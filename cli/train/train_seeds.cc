#include "cli/train/train_seeds.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "actor/configured_env.h"
#include "cli/end_video.h"
#include "cli/train/begin_run.h"
#include "cli/train/seed_group.h"
#include "cli/train/seed_member.h"
#include "cli/train/seed_schedule.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/memory_limit.h"
#include "common/base/package.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/config/seed_folder.h"
#include "dashboard/run_dashboard.h"
#include "run/run_env.h"
#include "run/run_start.h"
#include "run/seed_run.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using Members = std::vector<std::unique_ptr<SeedMember>>;

// The error of one run names its seed.
absl::Status OfSeed(uint64_t seed, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat("seed ", seed, ": ", std::string(status.message())));
}

absl::StatusOr<std::string> MakeFolder(const RunStartOptions& start, const RunConfig& config) {
  if (IsSeedPattern(start.out)) return start.out;  // each run's folder is its own matter
  if (start.out.empty()) {
    return MakeDefaultRunFolder(config.env().id(), config.algorithm(),
                                absl::StrCat(start.seeds.size(), "seeds"));
  }
  if (fs::exists(start.out + "/config.textproto")) {
    return absl::FailedPreconditionError(
        absl::StrCat(start.out, " holds a run already; give another --out"));
  }
  if (!SeedsIn(start.out).empty()) {
    return absl::FailedPreconditionError(absl::StrCat(start.out,
                                                      " holds runs of several seeds already; go on "
                                                      "with them by --resume ",
                                                      start.out, ", or give another --out"));
  }
  PMOE_RETURN_IF_ERROR(MakeDirs(start.out));
  return start.out;
}

// On a GPU the members would share one stream, and nobody has compared their bits.
absl::StatusOr<EnvRecord> CheckSeedsRunnable(const RunConfig& config, bool resume) {
  if (config.learner().device() != "cpu") {
    return absl::InvalidArgumentError(
        absl::StrCat("several seeds train side by side on --device cpu only, got ",
                     config.learner().device(), "; train one --seed N after the other there"));
  }
  return CheckRunnable(config, resume);
}

// What all of them are: but for the seed, one configuration.
struct Plan {
  std::string directory;  // or pattern
  EnvRecord env;
  RunConfig config;             // the first one's
  std::vector<uint64_t> seeds;  // of all members
  Members members;              // until they are SeedGroup's
};

// What goes on with all of them.
std::string ResumeCommand(const Plan& plan) {
  const std::string command =
      absl::StrCat(UserCommand(), " train --resume ", ShellWord(plan.directory));
  if (!IsSeedPattern(plan.directory)) return command;
  return absl::StrCat(command, " --seeds ", absl::StrJoin(plan.seeds, ","));
}

// Which holds the runs' directories.
std::string Folder(const Plan& plan) {
  if (!IsSeedPattern(plan.directory)) return plan.directory;
  const std::string before = plan.directory.substr(0, plan.directory.find(kSeedMark));
  const std::string folder = fs::path(before).parent_path().string();
  return folder.empty() ? "." : folder;
}

absl::Status MakeMember(uint64_t seed, Plan* plan) {
  RunConfig config = plan->config;
  config.set_seed(seed);
  PMOE_ASSIGN_OR_RETURN(RunDirectory made,
                        RunDirectory::Create(SeedRunPath(plan->directory, seed)));
  if (const absl::Status kept = KeepBeginning(made, config, plan->env); !kept.ok()) {
    std::error_code ignored;
    fs::remove(made.File("config.textproto"), ignored);  // half a beginning is no run
    return kept;
  }
  plan->members.push_back(std::make_unique<SeedMember>(std::move(config), std::move(made),
                                                       &plan->env, /*resume=*/false));
  return absl::OkStatus();
}

// Where a directory could not be made: what is there already would pass for all that
// was asked for, and stand in the way of the same command. Without its configuration it is no run.
void TakeBack(const Plan& plan) {
  std::error_code ignored;
  for (const auto& member : plan.members) fs::remove(member->path() + "/config.textproto", ignored);
}

// Every directory is made before the first run begins: a mistake shows at once, and --resume knows
// those that have not had their turn.
absl::Status BeginNew(const RunStartOptions& start, Plan* plan) {
  RunStartOptions first = start;
  first.config.flags.emplace_back("seed", absl::StrCat(start.seeds.front()));
  PMOE_ASSIGN_OR_RETURN(plan->config, LoadRunConfig(first, /*default_mode=*/""));
  // Cores go to members before they go to the threads of one.
  LearnerConfig* const learner = plan->config.mutable_learner();
  learner->set_threads(std::max(1, learner->threads()));
  PMOE_ASSIGN_OR_RETURN(plan->env, CheckSeedsRunnable(plan->config, /*resume=*/false));
  PMOE_ASSIGN_OR_RETURN(plan->directory, MakeFolder(start, plan->config));
  plan->seeds = start.seeds;
  for (const uint64_t seed : plan->seeds) {
    const absl::Status made = MakeMember(seed, plan);
    if (made.ok()) continue;
    TakeBack(*plan);
    return OfSeed(seed, made);
  }
  return absl::OkStatus();
}

// Also where all steps are done an evaluation may be missing; then metrics.csv misses its row.
bool HasFinished(const std::string& path, const RunConfig& config) {
  return !CheckUnfinished(path, config).ok() &&
         ReadLastMetrics(path).env_steps >= config.schedule().total_steps();
}

absl::StatusOr<std::unique_ptr<SeedMember>> Reopen(const RunStartOptions& start,
                                                   const EnvRecord& env, RunConfig config) {
  if (HasFinished(start.resume, config)) {
    return std::make_unique<SeedMember>(std::move(config), start.resume);
  }
  PMOE_ASSIGN_OR_RETURN(RunDirectory directory, RunDirectory::Open(start.resume));
  PMOE_RETURN_IF_ERROR(CheckRunEnv(directory, env.spec, start.allow_other_env));
  const bool resume = directory.NewestCheckpoint().ok();
  if (!resume) {
    PMOE_RETURN_IF_ERROR(ClearForNewStart(directory));
    PMOE_RETURN_IF_ERROR(KeepBeginning(directory, config, env));
  }
  return std::make_unique<SeedMember>(std::move(config), std::move(directory), &env, resume);
}

absl::Status ReopenAll(const RunStartOptions& start, Plan* plan) {
  plan->directory = start.resume;
  plan->seeds = IsSeedPattern(start.resume) ? start.seeds : SeedsIn(start.resume);
  for (const uint64_t seed : plan->seeds) {
    RunStartOptions one = start;
    one.resume = SeedRunPath(start.resume, seed);
    one.quiet = !plan->members.empty();  // what changes is said once
    absl::StatusOr<RunConfig> config = LoadRunConfig(one, /*default_mode=*/"");
    PMOE_RETURN_IF_ERROR(OfSeed(seed, config.status()));
    if (plan->members.empty()) {
      plan->config = *config;
      PMOE_ASSIGN_OR_RETURN(plan->env, CheckSeedsRunnable(plan->config, /*resume=*/true));
    }
    absl::StatusOr<std::unique_ptr<SeedMember>> member = Reopen(one, plan->env, *std::move(config));
    PMOE_RETURN_IF_ERROR(OfSeed(seed, member.status()));
    plan->members.push_back(*std::move(member));
  }
  return absl::OkStatus();
}

int ToTrain(const Plan& plan) {
  return static_cast<int>(std::count_if(
      plan.members.begin(), plan.members.end(),
      [](const auto& member) { return member->View().state == MemberState::kWaiting; }));
}

absl::StatusOr<int> AtOnce(const RunStartOptions& start, const Plan& plan) {
  SeedLoad load;
  load.runs = ToTrain(plan);
  if (start.jobs > 0) return std::min(start.jobs, load.runs);
  load.cores = static_cast<int>(std::thread::hardware_concurrency());
  // In lockstep a run's actors and its learner mostly wait for one another; in async nobody does.
  load.cores_each =
      plan.config.learner().threads() + (IsLockstep(plan.config) ? 0 : plan.config.actor().count());
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<Env> env, MakeConfiguredEnv(plan.config));
  load.bytes_each = FullTable(plan.config, env->spec()).bytes;
  load.memory = MemoryLimit();
  return SeedsAtOnce(load);
}

// 1..5 as it was typed would be shorter, but after --resume nobody has typed it.
std::string Introduction(const Plan& plan, int at_once, bool resume) {
  return absl::StrCat(resume ? "resuming " : "training ", plan.config.env().id(), ": ",
                      plan.config.algorithm(), ", seeds ", absl::StrJoin(plan.seeds, ","),
                      ", K = ", plan.config.policy().primitives(), ", ", TotalSteps(plan.config),
                      " env steps each, ", at_once, " at a time\nrun directory: ", plan.directory);
}

// By a pattern there is no folder that is theirs alone, and so no log.txt.
SeedNotes Notes(const RunStartOptions& start, const Plan& plan) {
  return {IsSeedPattern(plan.directory) ? "" : plan.directory + "/log.txt", start.seed_report};
}

absl::StatusOr<std::unique_ptr<Dashboard>> StartDashboard(const DashboardFlags& flags,
                                                          const Plan& plan,
                                                          const SeedGroup& group) {
  const auto live = [&group](const std::string& directory) -> std::optional<RunStatus> {
    for (const auto& member : group.members()) {
      std::error_code error;
      if (!fs::equivalent(member->path(), directory, error)) continue;
      return member->Status();
    }
    return std::nullopt;
  };
  return StartSeedsDashboard(flags, Folder(plan), group.members().front()->path(), live);
}

// Of all that trained, the one whose last evaluation was the best.
const SeedMember* BestOf(const SeedGroup& group) {
  const SeedMember* best = nullptr;
  double best_return = 0.0;
  for (const auto& member : group.members()) {
    const std::optional<double> its = member->View().progress.eval_return;
    if (!its.has_value() || (best != nullptr && *its <= best_return)) continue;
    best = member.get();
    best_return = *its;
  }
  return best;
}

absl::Status Failures(const SeedGroup& group, const Plan& plan) {
  std::vector<uint64_t> failed;
  absl::Status first;
  for (const auto& member : group.members()) {
    if (member->View().state != MemberState::kFailed) continue;
    if (failed.empty()) first = OfSeed(member->seed(), member->failure());
    failed.push_back(member->seed());
  }
  if (failed.empty()) return absl::OkStatus();
  return absl::Status(first.code(),
                      absl::StrCat(failed.size(), " of ", group.members().size(), " seeds failed (",
                                   absl::StrJoin(failed, ","), "); ", std::string(first.message()),
                                   "\nTry them again, and go on with those that were stopped: ",
                                   ResumeCommand(plan)));
}

}  // namespace

bool WantsSeeds(const RunStartOptions& start) {
  return !start.seeds.empty() || (!start.resume.empty() && !SeedsIn(start.resume).empty());
}

absl::Status TrainSeeds(const RunStartOptions& start, const DashboardFlags& dashboard_flags,
                        const std::atomic<bool>& interrupted) {
  const bool resume = !start.resume.empty();
  Plan plan;
  PMOE_RETURN_IF_ERROR(resume ? ReopenAll(start, &plan) : BeginNew(start, &plan));
  for (const std::string& warning : ConfigWarnings(plan.config)) Log(LogLevel::kInfo, warning);
  if (ToTrain(plan) == 0) {
    Say("all seeds of ", plan.directory, " have finished; make them longer with --steps");
    return absl::OkStatus();
  }
  PMOE_ASSIGN_OR_RETURN(const int at_once, AtOnce(start, plan));
  Say(Introduction(plan, at_once, resume));
  ProgressOptions progress;
  progress.label = absl::StrCat(plan.config.env().id(), " ", plan.config.algorithm(), " ",
                                plan.members.size(), " seeds");
  progress.plain_every_steps = static_cast<int64_t>(plan.config.observe().log_every_steps()) *
                               static_cast<int64_t>(plan.members.size());
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<SeedGroup> group,
                        SeedGroup::Create(std::move(plan.members), progress, Notes(start, plan)));
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<Dashboard> dashboard,
                        StartDashboard(dashboard_flags, plan, *group));
  group->Train(at_once, interrupted);
  PMOE_RETURN_IF_ERROR(Failures(*group, plan));
  const ProgressState all = SumOf(group->Views(), 0.0);
  if (all.env_steps < all.total_steps) {
    Say("stopped at ", all.env_steps, " of ", all.total_steps,
        " env steps; go on with: ", ResumeCommand(plan));
    return absl::OkStatus();
  }
  Say("finished; look at them with: ", UserCommand(), " dashboard ", ShellWord(Folder(plan)));
  const SeedMember* const best = BestOf(*group);
  if (plan.config.observe().video() && best != nullptr) WriteEndVideo(best->path(), interrupted);
  return absl::OkStatus();
}

}  // namespace pmoe
