#include "run/lockstep_run.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/base/stopwatch.h"
#include "common/config/run_config.h"
#include "run/checkpoint.h"

namespace pmoe {
namespace {

// A round that takes longer than this has lost an actor; a batch, its shard.
constexpr std::chrono::seconds kRoundTimeout(600);
constexpr std::chrono::seconds kBatchTimeout(60);
// How often a commit that waits looks whether all actors are still there.
constexpr std::chrono::seconds kLookAtActors(10);

}  // namespace

absl::StatusOr<std::unique_ptr<LockstepRun>> LockstepRun::Create(const RunConfig& config,
                                                                 const RunParts& parts,
                                                                 bool resume) {
  std::unique_ptr<LockstepRun> run(new LockstepRun(config, parts));
  PMOE_RETURN_IF_ERROR(run->Build(resume));
  return run;
}

LockstepRun::LockstepRun(const RunConfig& config, const RunParts& parts)
    : config_(config), parts_(parts) {
  steps_per_round_ = config.schedule().steps_per_round();
  lessons_per_round_ =
      AlgorithmOf(config).on_policy() ? 1 : static_cast<int64_t>(UpdatesPerRound(config));
  rounds_ = TotalSteps(config) / steps_per_round_;
}

absl::Status LockstepRun::Build(bool resume) {
  snapshot_ = parts_.learner->Snapshot(/*version=*/1, /*env_steps=*/0);
  LoadedCheckpoint loaded;
  if (resume) {
    PMOE_ASSIGN_OR_RETURN(loaded,
                          LoadNewestCheckpoint(parts_, snapshot_->spec.Hash(), /*replay=*/true));
    PMOE_RETURN_IF_ERROR(parts_.replay->KeepOnly(parts_.directory->TablesOfCheckpoints()));
  }
  RunLogOptions options = RunLogOptions::FromConfig(config_, total_steps());
  options.resumed = resume;
  options.show_progress = parts_.show_progress;
  options.resumed_steps = loaded.env_steps;
  PMOE_ASSIGN_OR_RETURN(log_, RunLog::Create(options, parts_.directory, parts_.evaluations));
  if (resume) PMOE_RETURN_IF_ERROR(Restore(std::move(loaded)));
  Announce();
  return absl::OkStatus();
}

void LockstepRun::Announce() {
  log_->OnPublish(snapshot_->version);
  parts_.replay->OnPublish(snapshot_->version);
}

absl::Status LockstepRun::Train(const std::atomic<bool>& interrupted) {
  parts_.evaluations->InterruptBy(&interrupted);
  if (const absl::Status status = Rounds(interrupted); !status.ok()) {
    log_->Note(absl::StrCat("stopped: ", std::string(status.message())));
    return status;
  }
  const bool evaluations_left = log_->has_open_rows() && !interrupted;
  if (checkpoint_steps_ != env_steps() || evaluations_left) PMOE_RETURN_IF_ERROR(Checkpoint());
  log_->FinishProgress();
  return log_->Check();  // of the last round
}

absl::Status LockstepRun::Rounds(const std::atomic<bool>& interrupted) {
  const uint64_t lag = config_.schedule().lag();
  if (lag == 1 && committed_ == updated_ &&
      updated_ < rounds_) {  // a fresh start, a finished run made longer, or a round that was lost
    StartSteps(committed_ + 1, acting_ != nullptr ? acting_ : snapshot_);
    PMOE_RETURN_IF_ERROR(FinishSteps(committed_ + 1));
  }
  while (updated_ < rounds_) {
    // The barrier: actors idle, nothing staged.
    if (interrupted) break;
    if (const absl::Status broken = log_->Check(); !broken.ok()) {
      PMOE_RETURN_IF_ERROR(Checkpoint());
      return broken;
    }
    const uint64_t every = config_.checkpoint().every_steps();
    if (every > 0 && env_steps() / every > checkpoint_steps_ / every)
      PMOE_RETURN_IF_ERROR(Checkpoint());
    if (interrupted) break;  // rows that the checkpoint holds open may not be written any more

    const uint64_t round = updated_ + 1;
    const uint64_t next = round + lag;  // the round whose steps belong to this turn
    RoundCounters counters;
    uint64_t acted = acting_version_;  // lag 1: this round's steps are done already
    if (next <= rounds_) StartSteps(next, snapshot_);
    if (lag == 0) {
      acted = acting_version_;
      PMOE_RETURN_IF_ERROR(FinishSteps(next));
    }
    counters.policy_lag = static_cast<int>(snapshot_->version - acted);
    PMOE_RETURN_IF_ERROR(RunUpdates(round, acted, &counters));
    PMOE_RETURN_IF_ERROR(CloseRound(round, counters));
    if (lag == 1 && next <= rounds_) PMOE_RETURN_IF_ERROR(FinishSteps(next));
  }
  return absl::OkStatus();
}

void LockstepRun::StartSteps(uint64_t round, std::shared_ptr<const PolicySnapshot> snapshot) {
  const RunMeter::During publishes(&log_->meter(), LoopPhase::kPublish);
  Directive directive;
  directive.round = round;
  directive.steps_per_env =
      static_cast<uint32_t>(steps_per_round_ / (config_.actor().count() * config_.actor().envs()));
  directive.act_uniform =
      (round - 1) * steps_per_round_ < static_cast<uint64_t>(config_.schedule().start_steps());
  directive.checkpoint = parts_.actors->may_lose_actors();
  directive.snapshot = snapshot;
  acting_version_ = snapshot->version;
  acting_ = std::move(snapshot);
  parts_.actors->Publish(directive);
}

absl::Status LockstepRun::FinishSteps(uint64_t round) {
  log_->meter().Enter(LoopPhase::kIdle);
  absl::StatusOr<std::vector<ActorReport>> reports = parts_.actors->WaitReports(kRoundTimeout);
  const absl::Status done = reports.ok() ? CommitRound(round) : reports.status();
  log_->meter().Enter(LoopPhase::kOther);
  if (!done.ok()) return KeepBarrier(done);
  // From here on the barrier is this round's.
  committed_ = round;
  barrier_actors_.clear();
  for (ActorReport& report : *reports) {
    log_->OnReport(report);
    if (parts_.actors->may_lose_actors())
      barrier_actors_.push_back(std::move(report.checkpoint_part));
  }
  return absl::OkStatus();
}

// An actor may report its steps and be lost before its last rows have left it.
absl::Status LockstepRun::CommitRound(uint64_t round) {
  absl::Status status;
  const Stopwatch waited;
  do {
    status = parts_.replay->Commit(round, kLookAtActors);
    if (!absl::IsDeadlineExceeded(status)) return status;
    PMOE_RETURN_IF_ERROR(parts_.actors->Failure());
  } while (waited.Elapsed() < std::chrono::duration<double>(kRoundTimeout).count());
  return status;
}

absl::Status LockstepRun::RunUpdates(uint64_t round, uint64_t acted, RoundCounters* counters) {
  updated_ = round;
  counters->env_steps = round * steps_per_round_;
  if (counters->env_steps < static_cast<uint64_t>(config_.schedule().update_after()))
    return absl::OkStatus();
  PMOE_RETURN_IF_ERROR(Learn(acted));
  const RunMeter::During publishes(&log_->meter(), LoopPhase::kPublish);
  snapshot_ = parts_.learner->Snapshot(snapshot_->version + 1, counters->env_steps);
  Announce();
  return absl::OkStatus();
}

absl::Status LockstepRun::Learn(uint64_t acted) {
  RunMeter& meter = log_->meter();
  // On-policy: a round's rows were all made by one version.
  const uint32_t version = static_cast<uint32_t>(acted);
  const RolloutRequest rollout = {static_cast<int64_t>(steps_per_round_), version, version};
  parts_.replay->Expect(lessons_per_round_);
  for (int64_t i = 0; i < lessons_per_round_; ++i) {
    meter.AwaitSample();
    PMOE_ASSIGN_OR_RETURN(const Experience lesson, parts_.replay->Next(rollout, kBatchTimeout));
    meter.OnSample(lesson);
    log_->sample_lag().OnRows(PolicyVersions(lesson));
    PMOE_RETURN_IF_ERROR(parts_.learner->Update(lesson));
    if (const auto errors = parts_.learner->RowErrors(); !errors.empty()) {
      meter.Enter(LoopPhase::kSampleWait);
      PMOE_RETURN_IF_ERROR(parts_.replay->UpdatePriorities(errors));
    }
  }
  meter.Enter(LoopPhase::kOther);
  return absl::OkStatus();
}

absl::Status LockstepRun::CloseRound(uint64_t round, RoundCounters counters) {
  counters.updates = parts_.learner->updates();
  PMOE_ASSIGN_OR_RETURN(const ReplayStats replay, parts_.replay->Stats());
  counters.replay_size = replay.size;
  const uint64_t every = config_.observe().eval_every_steps();
  const uint64_t before = (round - 1) * steps_per_round_;
  const bool due = round == rounds_ || (every > 0 && counters.env_steps / every > before / every);
  std::shared_ptr<const PolicySnapshot> evaluate;
  if (due) {
    // The exact weights of this round under this round's steps, also where no update has changed
    // them.
    evaluate = parts_.learner->Snapshot(snapshot_->version, counters.env_steps);
  }
  PMOE_RETURN_IF_ERROR(log_->CloseRound(counters, parts_.learner, std::move(evaluate)));
  if (parts_.tick == nullptr) return absl::OkStatus();
  return parts_.tick({counters.env_steps, counters.updates, snapshot_->version, log_.get(), ""});
}

absl::Status LockstepRun::Checkpoint() {
  // Interrupted, it keeps what waits for an evaluation, which is then made after a resume.
  const absl::Status flushed = log_->Flush(kRoundTimeout);
  if (!flushed.ok() && !absl::IsCancelled(flushed)) return flushed;
  return WriteBarrier();
}

// What waits for an evaluation is kept open, to be evaluated after a resume.
absl::Status LockstepRun::WriteBarrier() {
  const RunMeter::During saves(&log_->meter(), LoopPhase::kCheckpoint);
  ByteWriter run;
  run.Pod(committed_);
  run.Pod(updated_);
  run.Pod(snapshot_->env_steps);
  run.Pod(acting_version_);
  log_->SaveState(&run);
  log_->SaveOpen(&run);
  RunCheckpoint checkpoint{.env_steps = env_steps(), .snapshot = snapshot_, .run = run.Take()};
  PMOE_ASSIGN_OR_RETURN(checkpoint.actors, ActorParts());
  const bool lost_round =
      config_.schedule().lag() == 1 && committed_ == updated_ && updated_ < rounds_;
  if (lost_round) checkpoint.acting = acting_;
  PMOE_RETURN_IF_ERROR(
      WriteCheckpoint(parts_, checkpoint, /*replay=*/true, config_.checkpoint().keep()));
  checkpoint_steps_ = env_steps();
  log_->Note(absl::StrCat("checkpoint at ", env_steps(), " env steps"));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> LockstepRun::ActorParts() {
  if (!barrier_actors_.empty()) return barrier_actors_;
  Directive directive;
  directive.checkpoint = true;
  directive.round = committed_;
  parts_.actors->Publish(directive);
  PMOE_ASSIGN_OR_RETURN(std::vector<ActorReport> reports,
                        parts_.actors->WaitReports(kRoundTimeout));
  std::vector<std::string> parts;
  for (ActorReport& report : reports) parts.push_back(std::move(report.checkpoint_part));
  return parts;
}

absl::Status LockstepRun::KeepBarrier(const absl::Status& why) {
  if (barrier_actors_.empty()) return why;
  const absl::Status kept = checkpoint_steps_ == env_steps() ? absl::OkStatus() : WriteBarrier();
  const std::string result =
      kept.ok() ? absl::StrCat("all ", env_steps(), " env steps before its round are kept")
                : absl::StrCat("what came after ", checkpoint_steps_,
                               " env steps is lost, for no checkpoint could be written: ",
                               std::string(kept.message()));
  return absl::Status(why.code(), absl::StrCat(why.message(), " (", result, ")"));
}

absl::Status LockstepRun::Restore(LoadedCheckpoint loaded) {
  ByteReader run(loaded.run);
  uint64_t snapshot_steps = 0;
  run.Pod(&committed_);
  run.Pod(&updated_);
  run.Pod(&snapshot_steps);
  run.Pod(&acting_version_);
  PMOE_RETURN_IF_ERROR(log_->LoadState(&run));
  PMOE_RETURN_IF_ERROR(run.Finish("checkpoint: run"));
  snapshot_ = parts_.learner->Snapshot(loaded.version, snapshot_steps);
  checkpoint_steps_ = loaded.env_steps;
  acting_ = std::move(loaded.acting);
  if (parts_.actors->may_lose_actors()) barrier_actors_ = loaded.actors;

  Directive directive;
  directive.round = committed_;
  // Actors never take an older one than they have had.
  directive.snapshot = acting_ != nullptr ? acting_ : snapshot_;
  directive.restore = std::make_shared<const std::vector<std::string>>(std::move(loaded.actors));
  parts_.actors->Publish(directive);
  return parts_.actors->WaitReports(kRoundTimeout).status();
}

}  // namespace pmoe
