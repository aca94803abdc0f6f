#include "cli/train/embedded_run.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "actor/configured_env.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/memory_limit.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "learner/learner_config.h"
#include "learner/run/async_run.h"
#include "learner/run/checkpoint.h"
#include "learner/run/lockstep_run.h"
#include "replay/core/size_warnings.h"

namespace pmoe {

absl::StatusOr<std::unique_ptr<EmbeddedRun>> EmbeddedRun::Create(const RunConfig& config,
                                                                 const RunDirectory* directory,
                                                                 bool resume) {
  std::unique_ptr<EmbeddedRun> run(new EmbeddedRun(config, directory));
  PMOE_RETURN_IF_ERROR(run->Build(resume));
  return run;
}

EmbeddedRun::EmbeddedRun(const RunConfig& config, const RunDirectory* directory)
    : config_(config),
      directory_(directory),
      status_(config, directory->path()),
      backlog_(lockstep() ? EvaluationBacklog::Keep::kAll : EvaluationBacklog::Keep::kNewest),
      link_(config.actor().count()) {}

EmbeddedRun::~EmbeddedRun() {
  link_.Cancel();
  // Wakes an actor that waits for room.
  if (replay_ != nullptr) replay_->Cancel(absl::CancelledError("the run is over"));
  for (ActorSeat& seat : seats_) {
    if (seat.thread.joinable()) seat.thread.join();
  }
}

absl::Status EmbeddedRun::Build(bool resume) {
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<Env> probe, MakeConfiguredEnv(config_));
  const EnvSpec& env = probe->spec();
  const PolicySpec policy =
      PolicySpecFromConfig(config_, env.obs_dim, env.action_low, env.action_high);
  for (const std::string& warning : PolicyWarnings(policy)) {
    Log(LogLevel::kInfo, warning);
  }
  PMOE_ASSIGN_OR_RETURN(learner_, MakeLearner(config_, policy));
  PMOE_RETURN_IF_ERROR(BuildReplay(env, policy));
  PMOE_RETURN_IF_ERROR(BuildActors(policy));
  PMOE_RETURN_IF_ERROR(BuildEvaluator(policy));
  return BuildRun(resume);
}

absl::Status EmbeddedRun::BuildReplay(const EnvSpec& env, const PolicySpec& policy) {
  ReplayShardOptions options;
  options.spec = {env.obs_dim, env.action_dim, static_cast<int>(policy.columns.size())};
  options.table.capacity = config_.replay().capacity();
  options.table.bytes_max = config_.replay().bytes_max();
  options.table.n_step = config_.replay().n_step();
  options.table.gamma = config_.learner().gamma();
  options.stage.actors = config_.actor().count();
  options.stage.first_round = kFirstRound;
  options.seed = config_.seed();
  options.table.fifo = FifoFromConfig(config_);
  const bool on_policy = options.table.fifo.has_value();
  if (!lockstep() && !on_policy) options.gate.limiter = LimiterFromConfig(config_);
  PMOE_ASSIGN_OR_RETURN(replay_, ReplayShard::Create(options));
  const TableSize full = FullSize(options, TotalSteps(config_));
  const int64_t states = (config_.checkpoint().keep() + 1) * StateBytes(*learner_);
  for (const std::string& warning : SizeWarnings(full, MemoryLimit(), states, directory_->path(),
                                                 DiskSpaceAt(directory_->path()))) {
    Log(LogLevel::kWarning, warning);
  }
  if (on_policy) {
    rollouts_ = std::make_unique<DirectRolloutSource>(replay_.get());
  } else {
    sampler_ = std::make_unique<DirectBatchSampler>(replay_.get(), config_.learner().batch_size());
  }
  control_ = std::make_unique<DirectReplayControl>(replay_.get(), directory_->ReplayFolder());
  return absl::OkStatus();
}

absl::Status EmbeddedRun::BuildActors(const PolicySpec& policy) {
  PMOE_ASSIGN_OR_RETURN(const uint64_t life, directory_->NextLearnerEpoch());
  const uint32_t epoch = lockstep() ? 0 : FirstActorEpoch(life);
  for (int index = 0; index < config_.actor().count(); ++index) {
    ActorSeat seat;
    std::vector<std::unique_ptr<Env>> envs;
    for (int e = 0; e < config_.actor().envs(); ++e) {
      PMOE_ASSIGN_OR_RETURN(std::unique_ptr<Env> made, MakeConfiguredEnv(config_));
      envs.push_back(std::move(made));
    }
    DirectTransitionWriterOptions writer;
    writer.chunks.actor = static_cast<uint32_t>(index);
    writer.chunks.epoch = epoch;
    writer.chunks.envs = config_.actor().envs();
    writer.chunks.rows_max = ChunkRows(config_);
    writer.chunks.first_round = kFirstRound;
    writer.lockstep = lockstep();
    PMOE_ASSIGN_OR_RETURN(seat.writer, DirectTransitionWriter::Create(writer, replay_.get()));
    seat.client = std::make_unique<LocalRunClient>(&link_, index);
    const ActorOptions options = {config_.seed(), static_cast<uint32_t>(index), epoch};
    seat.actor = std::make_unique<Actor>(options, std::move(envs), policy, seat.client.get(),
                                         seat.writer.get());
    seats_.push_back(std::move(seat));
  }
  return absl::OkStatus();
}

absl::Status EmbeddedRun::BuildEvaluator(const PolicySpec& policy) {
  PMOE_ASSIGN_OR_RETURN(std::unique_ptr<Evaluator> evaluator,
                        Evaluator::Create(EvaluatorOptionsFromConfig(config_), policy,
                                          [this] { return MakeConfiguredEnv(config_); }));
  evaluations_ = std::make_unique<EvaluationThread>(std::move(evaluator), &backlog_);
  return absl::OkStatus();
}

// The actors run before the loop is made: on resume they answer its first directive.
absl::Status EmbeddedRun::BuildRun(bool resume) {
  for (ActorSeat& seat : seats_) {
    seat.thread = std::thread([this, actor = seat.actor.get()] {
      const absl::Status status = actor->Run();
      if (!status.ok()) link_.Fail(status);
    });
  }
  RunParts parts = {learner_.get(), control_.get(), sampler_.get(), rollouts_.get(),
                    &link_,         &backlog_,      directory_,     nullptr};
  parts.tick = [this](const RunView& view) {
    ShowStatus(view);
    return absl::OkStatus();
  };
  if (lockstep()) {
    PMOE_ASSIGN_OR_RETURN(run_, LockstepRun::Create(config_, parts, resume));
    return absl::OkStatus();
  }
  if (const absl::StatusOr<std::string> table = directory_->NewestReplay(); resume && table.ok()) {
    PMOE_RETURN_IF_ERROR(control_->Restore(*table));
  }
  PMOE_ASSIGN_OR_RETURN(run_, AsyncRun::Create(config_, parts, resume));
  return absl::OkStatus();
}

void EmbeddedRun::ShowStatus(const RunView& view) {
  if (status_.Due()) status_.Show(view, run_->total_steps(), *replay_, link_.EnvSteps());
}

absl::Status EmbeddedRun::Train(const std::atomic<bool>& interrupted) {
  return run_->Train(interrupted);
}

}  // namespace pmoe
