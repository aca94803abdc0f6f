#include "cli/train/embedded_run.h"

#include <utility>

#include "actor/configured_env.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "learner/learner_config.h"
#include "replay/wire/table_request.h"
#include "run/make_run.h"

namespace pmoe {

namespace {

ReplayShardOptions TableOptions(const RunConfig& config, const PolicySpec& policy) {
  return ShardOptions(TableOfRun(config, policy));
}

}  // namespace

TableSize FullTable(const RunConfig& config, const EnvSpec& env) {
  const PolicySpec policy =
      PolicySpecFromConfig(config, env.obs_dim, env.action_low, env.action_high);
  return FullSize(TableOptions(config, policy), TotalSteps(config),
                  int64_t{config.actor().count()} * config.actor().envs());
}

absl::StatusOr<std::unique_ptr<EmbeddedRun>> EmbeddedRun::Create(const RunConfig& config,
                                                                 const RunDirectory* directory,
                                                                 bool resume, bool show_progress) {
  std::unique_ptr<EmbeddedRun> run(new EmbeddedRun(config, directory, show_progress));
  PMOE_RETURN_IF_ERROR(run->Build(resume));
  return run;
}

EmbeddedRun::EmbeddedRun(const RunConfig& config, const RunDirectory* directory, bool show_progress)
    : config_(config),
      directory_(directory),
      show_progress_(show_progress),
      status_(config, directory->path(), /*alone=*/show_progress),
      backlog_(EvaluationsKept(config)),
      link_(config.actor().count(), EnvMayFail(config)) {}

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
  PMOE_ASSIGN_OR_RETURN(learner_, MakeLearner(config_, policy));
  PMOE_RETURN_IF_ERROR(BuildReplay(policy, resume));
  PMOE_RETURN_IF_ERROR(BuildActors(policy));
  PMOE_RETURN_IF_ERROR(BuildEvaluator(policy));
  return BuildRun(resume);
}

absl::Status EmbeddedRun::BuildReplay(const PolicySpec& policy, bool resume) {
  const ReplayShardOptions options = TableOptions(config_, policy);
  PMOE_ASSIGN_OR_RETURN(replay_, ReplayShard::Create(options));
  WarnOfSizes(config_, options, *learner_, *directory_);
  client_ = std::make_unique<DirectReplayClient>(
      replay_.get(), OwnRows(config_), directory_->ReplayFolder(),
      DirectReplayOptions{.rows_behind = DemoRows(config_)});
  if (DemoRows(config_) == 0) return absl::OkStatus();
  PMOE_ASSIGN_OR_RETURN(demos_, EmbeddedDemos::Create(config_, TableOfRun(config_, policy),
                                                      directory_->ReplayFolder(), client_.get()));
  return resume ? absl::OkStatus() : demos_->Load();
}

absl::Status EmbeddedRun::BuildActors(const PolicySpec& policy) {
  PMOE_ASSIGN_OR_RETURN(learner_epoch_, directory_->NextLearnerEpoch());
  const uint32_t epoch = lockstep() ? 0 : FirstActorEpoch(learner_epoch_);
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
    seat.time = std::make_unique<ActorClock>();
    // A robot's rows are written by another thread, whose waits are not the robot's.
    if (config_.actor().real_time_hz() == 0.0) writer.on_wait = seat.time->OnWait();
    PMOE_ASSIGN_OR_RETURN(seat.writer, DirectTransitionWriter::Create(writer, replay_.get()));
    seat.client = std::make_unique<LocalRunClient>(&link_, index);
    const ActorOptions options = {config_.seed(), static_cast<uint32_t>(index),
                                  epoch,          config_.actor().real_time_hz(),
                                  Clock::Real(),  seat.time.get()};
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
    seat.thread = std::thread([this, actor = seat.actor.get(), role = Logger::ThreadRole()] {
      Logger::SetThreadRole(role);
      const absl::Status status = actor->Run();
      if (!status.ok()) link_.Fail(status);
    });
  }
  RunParts parts = {learner_.get(), replay_client(), &link_, &backlog_, directory_, nullptr};
  parts.learner_epoch = learner_epoch_;
  parts.show_progress = show_progress_;
  parts.tick = [this](const RunView& view) {
    ShowStatus(view);
    return absl::OkStatus();
  };
  // Lockstep restores the tables of its checkpoint by name.
  if (resume && !lockstep()) PMOE_RETURN_IF_ERROR(RestoreNewestTables());
  PMOE_ASSIGN_OR_RETURN(run_, MakeTrainingRun(config_, parts, resume));
  return absl::OkStatus();
}

absl::Status EmbeddedRun::RestoreNewestTables() {
  PMOE_RETURN_IF_ERROR(RestoreNewestOwn());
  return demos_ == nullptr ? absl::OkStatus() : demos_->RestoreNewest();
}

// Without any the run goes on and gathers rows anew.
absl::Status EmbeddedRun::RestoreNewestOwn() {
  for (const std::string& name : directory_->Tables()) {
    const absl::Status restored = client_->Restore(name);
    if (!absl::IsDataLoss(restored)) return restored;
    Log(LogLevel::kWarning, "passed over a saved table: ", restored.message());
  }
  return absl::OkStatus();
}

void EmbeddedRun::ShowStatus(const RunView& view) {
  if (!status_.Due()) return;
  std::optional<ShardStats> demos;
  if (demos_ != nullptr) demos = demos_->Stats();
  const std::vector<uint64_t> steps = link_.EnvSteps();
  std::vector<EmbeddedActor> actors;
  for (size_t i = 0; i < seats_.size(); ++i) {
    actors.push_back({steps[i], seats_[i].time->Seconds()});
  }
  status_.Show(view, run_->total_steps(), *replay_, demos, actors);
}

absl::Status EmbeddedRun::Train(const std::atomic<bool>& interrupted) {
  return run_->Train(interrupted);
}

}  // namespace pmoe
