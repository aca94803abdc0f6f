#include "cli/lockstep_run.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "actor/configured_env.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "learner/learner_config.h"

namespace pmoe {
namespace {

// A round that takes longer than this has lost an actor.
constexpr std::chrono::seconds kRoundTimeout(600);
constexpr uint64_t kFirstRound = 1;

ReplayShardOptions ShardOptions(const RunConfig& config, const EnvSpec& env) {
  ReplayShardOptions options;
  options.spec = {env.obs_dim, env.action_dim, 0};
  options.table.capacity = config.replay().capacity();
  options.table.bytes_max = config.replay().bytes_max();
  options.table.n_step = config.replay().n_step();
  options.table.gamma = config.learner().gamma();
  options.stage.actors = config.actor().count();
  options.stage.first_round = kFirstRound;
  options.seed = config.seed();
  return options;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LockstepRun>> LockstepRun::Create(const RunConfig& config,
                                                                 const RunDirectory* directory,
                                                                 bool resume) {
  std::unique_ptr<LockstepRun> run(new LockstepRun(config, directory));
  PMOE_RETURN_IF_ERROR(run->Build(resume));
  return run;
}

LockstepRun::LockstepRun(const RunConfig& config, const RunDirectory* directory)
    : config_(config), directory_(directory), link_(config.actor().count()) {
  steps_per_round_ = config.schedule().steps_per_round();
  updates_per_round_ = UpdatesPerRound(config);
  rounds_ = TotalSteps(config) / steps_per_round_;
}

LockstepRun::~LockstepRun() { StopThreads(); }

absl::Status LockstepRun::Build(bool resume) {
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<Env> probe, MakeConfiguredEnv(config_));
  const EnvSpec& env = probe->spec();
  const PolicySpec policy =
      PolicySpecFromConfig(config_, env.obs_dim, env.action_low, env.action_high);
  PMOE_ASSIGN_OR_RETURN(learner_,
                        MakeSacLearner(SacOptionsFromConfig(config_, env.action_dim), policy));
  PMOE_ASSIGN_OR_RETURN(replay_, ReplayShard::Create(ShardOptions(config_, env)));
  sampler_ = std::make_unique<DirectBatchSampler>(replay_.get(), config_.learner().batch_size());
  PMOE_RETURN_IF_ERROR(BuildActors(env));
  uint64_t resumed_steps = 0;
  if (resume) {
    PMOE_ASSIGN_OR_RETURN(resumed_steps, directory_->NewestCheckpoint());
  }
  PMOE_RETURN_IF_ERROR(BuildLog(env, resume, resumed_steps));
  snapshot_ = learner_->Snapshot(/*version=*/1, /*env_steps=*/0);
  if (resume) PMOE_RETURN_IF_ERROR(Restore(resumed_steps));
  StartThreads();
  return absl::OkStatus();
}

absl::Status LockstepRun::BuildActors(const EnvSpec& env) {
  const PolicySpec policy =
      PolicySpecFromConfig(config_, env.obs_dim, env.action_low, env.action_high);
  for (int index = 0; index < config_.actor().count(); ++index) {
    ActorSeat seat;
    std::vector<std::unique_ptr<Env>> envs;
    for (int e = 0; e < config_.actor().envs(); ++e) {
      PMOE_ASSIGN_OR_RETURN(std::unique_ptr<Env> made, MakeConfiguredEnv(config_));
      envs.push_back(std::move(made));
    }
    DirectTransitionWriterOptions writer;
    writer.actor = static_cast<uint32_t>(index);
    writer.envs = config_.actor().envs();
    writer.first_round = kFirstRound;
    PMOE_ASSIGN_OR_RETURN(seat.writer, DirectTransitionWriter::Create(writer, replay_.get()));
    seat.client = std::make_unique<LocalRunClient>(&link_, index);
    const ActorOptions options = {config_.seed(), static_cast<uint32_t>(index), /*epoch=*/0};
    seat.actor = std::make_unique<Actor>(options, std::move(envs), policy, seat.client.get(),
                                         seat.writer.get());
    seats_.push_back(std::move(seat));
  }
  return absl::OkStatus();
}

absl::Status LockstepRun::BuildLog(const EnvSpec& env, bool resume, uint64_t resumed_steps) {
  const PolicySpec policy =
      PolicySpecFromConfig(config_, env.obs_dim, env.action_low, env.action_high);
  const EvaluatorOptions options = {config_.seed(), config_.observe().eval_episodes(),
                                    ActionModeFromName(config_.observe().eval_action())};
  PMOE_ASSIGN_OR_RETURN(
      std::unique_ptr<Evaluator> evaluator,
      Evaluator::Create(options, policy, [this] { return MakeConfiguredEnv(config_); }));
  evaluations_ = std::make_unique<EvaluationThread>(std::move(evaluator));
  RunLogOptions log;
  log.label = absl::StrCat(config_.env().id(), " ", config_.algorithm(), " seed ", config_.seed());
  log.total_steps = total_steps();
  log.primitives = config_.policy().primitives();
  log.log_every_steps = config_.observe().log_every_steps();
  log.resumed = resume;
  log.resumed_steps = resumed_steps;
  PMOE_ASSIGN_OR_RETURN(log_, RunLog::Create(log, directory_, evaluations_.get()));
  return absl::OkStatus();
}

void LockstepRun::StartThreads() {
  for (ActorSeat& seat : seats_) {
    seat.thread = std::thread([this, actor = seat.actor.get()] {
      const absl::Status status = actor->Run();
      if (!status.ok()) link_.Fail(status);
    });
  }
}

void LockstepRun::StopThreads() {
  link_.Cancel();
  for (ActorSeat& seat : seats_) {
    if (seat.thread.joinable()) seat.thread.join();
  }
}

absl::Status LockstepRun::Train(const std::atomic<bool>& interrupted) {
  if (const absl::Status status = Rounds(interrupted); !status.ok()) {
    log_->Note(absl::StrCat("stopped: ", std::string(status.message())));
    return status;
  }
  PMOE_RETURN_IF_ERROR(log_->Flush());
  if (checkpoint_steps_ != env_steps()) PMOE_RETURN_IF_ERROR(Checkpoint());
  log_->FinishProgress();
  return absl::OkStatus();
}

absl::Status LockstepRun::Rounds(const std::atomic<bool>& interrupted) {
  const uint64_t lag = config_.schedule().lag();
  if (lag == 1 && committed_ == updated_ &&
      updated_ < rounds_) {  // a fresh start, or a finished run made longer
    StartSteps(committed_ + 1);
    PMOE_RETURN_IF_ERROR(FinishSteps(committed_ + 1));
  }
  while (updated_ < rounds_) {
    // The barrier: actors idle, nothing staged.
    if (interrupted) break;
    const uint64_t every = config_.checkpoint().every_steps();
    if (every > 0 && env_steps() / every > checkpoint_steps_ / every)
      PMOE_RETURN_IF_ERROR(Checkpoint());

    const uint64_t round = updated_ + 1;
    const uint64_t next = round + lag;  // the round whose steps belong to this turn
    RoundCounters counters;
    uint64_t acted = acting_version_;  // lag 1: this round's steps are done already
    if (next <= rounds_) StartSteps(next);
    if (lag == 0) {
      acted = acting_version_;
      PMOE_RETURN_IF_ERROR(FinishSteps(next));
    }
    counters.policy_lag = static_cast<int>(snapshot_->version - acted);
    PMOE_RETURN_IF_ERROR(RunUpdates(round, &counters));
    PMOE_RETURN_IF_ERROR(CloseRound(round, counters));
    if (lag == 1 && next <= rounds_) PMOE_RETURN_IF_ERROR(FinishSteps(next));
  }
  return absl::OkStatus();
}

void LockstepRun::StartSteps(uint64_t round) {
  Directive directive;
  directive.round = round;
  directive.steps_per_env =
      static_cast<uint32_t>(steps_per_round_ / (config_.actor().count() * config_.actor().envs()));
  directive.act_uniform =
      (round - 1) * steps_per_round_ < static_cast<uint64_t>(config_.schedule().start_steps());
  directive.snapshot = snapshot_;
  acting_version_ = snapshot_->version;
  link_.Publish(directive);
}

absl::Status LockstepRun::FinishSteps(uint64_t round) {
  PMOE_ASSIGN_OR_RETURN(const std::vector<ActorReport> reports, link_.WaitReports(kRoundTimeout));
  for (const ActorReport& report : reports) log_->OnReport(report);
  PMOE_RETURN_IF_ERROR(replay_->WaitStaged(round, kRoundTimeout));
  PMOE_RETURN_IF_ERROR(replay_->Commit(round));
  committed_ = round;
  return absl::OkStatus();
}

absl::Status LockstepRun::RunUpdates(uint64_t round, RoundCounters* counters) {
  updated_ = round;
  counters->env_steps = round * steps_per_round_;
  if (counters->env_steps < static_cast<uint64_t>(config_.schedule().update_after()))
    return absl::OkStatus();
  Stopwatch watch;
  for (uint64_t i = 0; i < updates_per_round_; ++i) {
    PMOE_ASSIGN_OR_RETURN(Minibatch * batch, sampler_->Next());
    counters->replay_seconds += watch.Lap();
    PMOE_RETURN_IF_ERROR(learner_->Update(batch));
    counters->update_seconds += watch.Lap();
  }
  snapshot_ = learner_->Snapshot(snapshot_->version + 1, counters->env_steps);
  return absl::OkStatus();
}

absl::Status LockstepRun::CloseRound(uint64_t round, RoundCounters counters) {
  counters.updates = learner_->updates();
  counters.replay_size = replay_->size();
  const uint64_t every = config_.observe().eval_every_steps();
  const uint64_t before = (round - 1) * steps_per_round_;
  const bool due = round == rounds_ || (every > 0 && counters.env_steps / every > before / every);
  std::shared_ptr<const PolicySnapshot> evaluate;
  if (due) {
    // The exact weights of this round under this round's steps, also where no update has changed
    // them.
    evaluate = learner_->Snapshot(snapshot_->version, counters.env_steps);
  }
  return log_->CloseRound(counters, learner_.get(), std::move(evaluate));
}

absl::Status LockstepRun::Checkpoint() {
  PMOE_RETURN_IF_ERROR(log_->Flush());
  Directive directive;
  directive.checkpoint = true;
  directive.round = committed_;
  link_.Publish(directive);
  PMOE_ASSIGN_OR_RETURN(std::vector<ActorReport> reports, link_.WaitReports(kRoundTimeout));

  ContainerWriter container;
  learner_->SaveState(&container);
  ByteWriter run;
  run.Pod(committed_);
  run.Pod(updated_);
  run.Pod(snapshot_->env_steps);
  run.Pod(acting_version_);
  log_->SaveState(&run);
  container.Add("run", run.Take());
  for (size_t i = 0; i < seats_.size(); ++i) {
    ByteWriter writer;
    seats_[i].writer->SaveState(&writer);
    container.Add(absl::StrCat("actor.", i), std::move(reports[i].checkpoint_part));
    container.Add(absl::StrCat("actor.", i, ".writer"), writer.Take());
  }
  const ContainerHeader header = {ContainerKind::kCheckpoint, snapshot_->spec.Hash(),
                                  snapshot_->version, env_steps()};
  PMOE_RETURN_IF_ERROR(replay_->Save(directory_->ReplayFile(env_steps())));
  PMOE_ASSIGN_OR_RETURN(const std::string file, directory_->PrepareCheckpoint(env_steps()));
  PMOE_RETURN_IF_ERROR(WriteFileAtomic(file, container.Finish(header)));
  PMOE_RETURN_IF_ERROR(directory_->CommitCheckpoint(env_steps(), config_.checkpoint().keep()));
  PMOE_RETURN_IF_ERROR(WriteFileAtomic(directory_->SnapshotFile("latest"), snapshot_->Encode()));
  checkpoint_steps_ = env_steps();
  log_->Note(absl::StrCat("checkpoint at ", env_steps(), " env steps"));
  return absl::OkStatus();
}

absl::Status LockstepRun::Restore(uint64_t env_steps) {
  PMOE_ASSIGN_OR_RETURN(std::string bytes, ReadFile(directory_->CheckpointFile(env_steps)));
  PMOE_ASSIGN_OR_RETURN(const ContainerReader container, ContainerReader::Open(std::move(bytes)));
  if (container.header().architecture_hash != snapshot_->spec.Hash()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the checkpoint in ", directory_->path(),
                     " has another policy architecture than this configuration; resume it without "
                     "changing env.*, "
                     "policy.* or algorithm"));
  }
  PMOE_RETURN_IF_ERROR(learner_->LoadState(container));
  PMOE_RETURN_IF_ERROR(replay_->Load(directory_->ReplayFile(env_steps)));
  PMOE_ASSIGN_OR_RETURN(const absl::string_view run_bytes, container.Section("run"));
  ByteReader run(run_bytes);
  uint64_t snapshot_steps = 0;
  run.Pod(&committed_);
  run.Pod(&updated_);
  run.Pod(&snapshot_steps);
  run.Pod(&acting_version_);
  PMOE_RETURN_IF_ERROR(log_->LoadState(&run));
  PMOE_RETURN_IF_ERROR(run.Finish("checkpoint: run"));
  for (size_t i = 0; i < seats_.size(); ++i) {
    PMOE_ASSIGN_OR_RETURN(const absl::string_view part,
                          container.Section(absl::StrCat("actor.", i)));
    PMOE_RETURN_IF_ERROR(seats_[i].actor->LoadState(part));
    PMOE_ASSIGN_OR_RETURN(const absl::string_view writer,
                          container.Section(absl::StrCat("actor.", i, ".writer")));
    ByteReader reader(writer);
    PMOE_RETURN_IF_ERROR(seats_[i].writer->LoadState(&reader));
    PMOE_RETURN_IF_ERROR(reader.Finish("checkpoint: a writer's part"));
  }
  snapshot_ = learner_->Snapshot(container.header().policy_version, snapshot_steps);
  checkpoint_steps_ = env_steps;
  return absl::OkStatus();
}

}  // namespace pmoe
