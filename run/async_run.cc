#include "run/async_run.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "run/checkpoint.h"

namespace pmoe {
namespace {

constexpr std::chrono::milliseconds kBatchWait(100);  // then members are looked after
constexpr double kTick_s = 0.1;
constexpr std::chrono::seconds kLastEvaluation(300);

// Was a multiple of `every` passed between the two? 0: never.
bool Passed(uint64_t every, uint64_t before, uint64_t now) {
  return every > 0 && now / every > before / every;
}

}  // namespace

absl::StatusOr<std::unique_ptr<AsyncRun>> AsyncRun::Create(const RunConfig& config,
                                                           const RunParts& parts, bool resume) {
  std::unique_ptr<AsyncRun> run(new AsyncRun(config, parts));
  PMOE_RETURN_IF_ERROR(run->Build(resume));
  return run;
}

uint64_t AsyncRun::total_steps() const {
  return static_cast<uint64_t>(config_.schedule().total_steps());
}

absl::Status AsyncRun::Build(bool resume) {
  snapshot_ = parts_.learner->Snapshot(/*version=*/0, /*env_steps=*/0);
  const bool restore = resume && parts_.directory->NewestCheckpoint().ok();
  LoadedCheckpoint loaded;
  if (restore) {
    PMOE_ASSIGN_OR_RETURN(loaded,
                          LoadNewestCheckpoint(parts_, snapshot_->spec.Hash(), /*replay=*/false));
    PMOE_RETURN_IF_ERROR(parts_.replay->KeepOnly(TablesToKeep()));
  }
  PMOE_ASSIGN_OR_RETURN(const ReplayStats replay, parts_.replay->Stats());
  // The replay may know more rows than the learner's checkpoint, or fewer if it lost some.
  const uint64_t inserted = static_cast<uint64_t>(replay.inserted);
  env_steps_ = std::max(inserted, loaded.env_steps);
  env_steps_offset_ = env_steps_ - inserted;
  RunLogOptions options = RunLogOptions::FromConfig(config_, total_steps());
  options.resumed = resume;
  options.show_progress = parts_.show_progress;
  options.resumed_steps = env_steps_;
  PMOE_ASSIGN_OR_RETURN(log_, RunLog::Create(options, parts_.directory, parts_.evaluations));
  if (restore) PMOE_RETURN_IF_ERROR(Restore(loaded));
  evaluated_steps_ = checkpoint_steps_ = env_steps_;
  PublishSnapshot();
  PublishDirective();
  return absl::OkStatus();
}

// What was restored may be newer than any that a checkpoint names.
std::vector<std::string> AsyncRun::TablesToKeep() const {
  std::vector<std::string> keep = parts_.directory->TablesOfCheckpoints();
  const std::vector<std::string> tables = parts_.directory->Tables();
  if (!tables.empty()) keep.push_back(tables.front());
  return keep;
}

absl::Status AsyncRun::Restore(const LoadedCheckpoint& loaded) {
  ByteReader run(loaded.run);
  PMOE_RETURN_IF_ERROR(log_->LoadState(&run));
  PMOE_RETURN_IF_ERROR(run.Finish("checkpoint: run"));
  snapshot_ = parts_.learner->Snapshot(loaded.version, loaded.env_steps);
  return absl::OkStatus();
}

absl::Status AsyncRun::Train(const std::atomic<bool>& interrupted) {
  parts_.evaluations->InterruptBy(&interrupted);
  absl::Status status, broken;
  while (status.ok() && broken.ok() && !interrupted && env_steps_ < total_steps()) {
    status = Turn();
    broken = Broken(&status);
  }
  if (status.ok()) status = Finish();
  if (status.ok()) status = broken;
  if (!status.ok()) log_->Note(absl::StrCat("stopped: ", std::string(status.message())));
  log_->FinishProgress();
  return status;
}

// Why the run shall end, although the learner is well and can save what it has.
absl::Status AsyncRun::Broken(absl::Status* turn) {
  const absl::Status failed = parts_.actors->Failure();
  // What an actor failed of, its environment may have said before: better words.
  if (turn->ok() && !failed.ok()) *turn = Tick();
  PMOE_RETURN_IF_ERROR(log_->Check());
  if (failed.ok()) return failed;
  return absl::Status(failed.code(),
                      absl::StrCat(failed.message(),
                                   "\nThe run has ended with a checkpoint; resume it once that is "
                                   "mended"));
}

absl::Status AsyncRun::Turn() {
  const absl::Status learned = Learn();
  if (!learned.ok() && !absl::IsDeadlineExceeded(learned)) return learned;
  if (since_tick_.Elapsed() < kTick_s) return absl::OkStatus();
  since_tick_.Lap();
  return Tick();
}

absl::Status AsyncRun::Learn() {
  // On-policy: rows of weights that are too old are dropped, and counted by the learner.
  const uint64_t lag = static_cast<uint64_t>(config_.schedule().max_lag());
  RolloutRequest rollout;
  rollout.steps = config_.schedule().steps_per_round();
  rollout.version_min =
      static_cast<uint32_t>(snapshot_->version - std::min(snapshot_->version, lag));
  RunMeter& meter = log_->meter();
  meter.AwaitSample();
  const absl::StatusOr<Experience> lesson = parts_.replay->Next(rollout, kBatchWait);
  if (!lesson.ok()) {
    meter.Enter(LoopPhase::kOther);
    return lesson.status();
  }
  meter.OnSample(*lesson);
  log_->sample_lag().OnRows(PolicyVersions(*lesson));
  PMOE_RETURN_IF_ERROR(parts_.learner->Update(*lesson));
  PMOE_RETURN_IF_ERROR(UpdatePriorities());
  meter.Enter(LoopPhase::kOther);
  const uint64_t every = static_cast<uint64_t>(config_.schedule().publish_every_updates());
  const bool whole_rollout = std::holds_alternative<const Rollout*>(*lesson);
  if (whole_rollout || parts_.learner->updates() % every == 0) PublishSnapshot();
  return absl::OkStatus();
}

// A shard that is away keeps the priorities that it has.
absl::Status AsyncRun::UpdatePriorities() {
  const absl::Span<const float> errors = parts_.learner->RowErrors();
  if (errors.empty()) return absl::OkStatus();
  log_->meter().Enter(LoopPhase::kSampleWait);
  const absl::Status told = parts_.replay->UpdatePriorities(errors);
  const bool away = absl::IsUnavailable(told) || absl::IsDeadlineExceeded(told);
  return away ? absl::OkStatus() : told;
}

void AsyncRun::PublishSnapshot() {
  const RunMeter::During publishes(&log_->meter(), LoopPhase::kPublish);
  const uint64_t version = std::max(snapshot_->version, parts_.actors->NewestVersionSeen()) + 1;
  snapshot_ = parts_.learner->Snapshot(version, env_steps_);
  log_->OnPublish(version);
  parts_.replay->OnPublish(version);
  parts_.actors->PublishSnapshot(snapshot_);
}

bool AsyncRun::Uniform() const {
  return env_steps_ < static_cast<uint64_t>(config_.schedule().start_steps());
}

void AsyncRun::PublishDirective() {
  Directive directive;
  directive.until_next = true;
  directive.act_uniform = act_uniform_ = Uniform();
  directive.env_steps = env_steps_;
  parts_.actors->Publish(directive);
}

absl::Status AsyncRun::Tick() {
  PMOE_RETURN_IF_ERROR(CountEnvSteps());
  for (const ActorReport& report : parts_.actors->TakeReports()) log_->OnReport(report);
  if (act_uniform_ != Uniform()) PublishDirective();
  // After a restart an actor may know a higher version than this learner has published: weights
  // reach it again above that.
  if (parts_.actors->NewestVersionSeen() > snapshot_->version) PublishSnapshot();
  PMOE_RETURN_IF_ERROR(Record());
  const double every_s = config_.checkpoint().every_seconds();
  const uint64_t every = static_cast<uint64_t>(config_.checkpoint().every_steps());
  if (Passed(every, checkpoint_steps_, env_steps_)) {
    PMOE_RETURN_IF_ERROR(Checkpoint(/*with_replay=*/true));
  } else if (every_s > 0 && since_checkpoint_.Elapsed() >= every_s) {
    PMOE_RETURN_IF_ERROR(Checkpoint(/*with_replay=*/false));
  }
  if (parts_.tick == nullptr) return absl::OkStatus();
  return parts_.tick(
      {env_steps_, parts_.learner->updates(), snapshot_->version, log_.get(), limiter_});
}

absl::Status AsyncRun::CountEnvSteps() {
  absl::StatusOr<ReplayStats> replay = parts_.replay->Stats();
  // A shard that is away comes back; what it holds is counted then.
  if (absl::IsUnavailable(replay.status()) || absl::IsDeadlineExceeded(replay.status()))
    return absl::OkStatus();
  PMOE_RETURN_IF_ERROR(replay.status());
  const uint64_t counted = env_steps_offset_ + static_cast<uint64_t>(replay->inserted);
  env_steps_ = std::max(env_steps_, counted);
  replay_size_ = replay->size;
  limiter_ = std::move(replay->limiter);
  return absl::OkStatus();
}

// Rows, evaluations and the progress line.
absl::Status AsyncRun::Record() {
  counters_.env_steps = env_steps_;
  counters_.updates = parts_.learner->updates();
  counters_.replay_size = replay_size_;
  const uint64_t seen = parts_.actors->NewestVersionSeen();
  counters_.policy_lag = static_cast<int>(snapshot_->version - std::min(snapshot_->version, seen));
  const uint64_t every = static_cast<uint64_t>(config_.observe().eval_every_steps());
  std::shared_ptr<const PolicySnapshot> evaluate;
  if (env_steps_ >= total_steps() || Passed(every, evaluated_steps_, env_steps_)) {
    evaluate = parts_.learner->Snapshot(snapshot_->version, env_steps_);
    evaluated_steps_ = env_steps_;
  }
  return log_->CloseRound(counters_, parts_.learner, std::move(evaluate));
}

absl::Status AsyncRun::Checkpoint(bool with_replay) {
  const RunMeter::During saves(&log_->meter(), LoopPhase::kCheckpoint);
  ByteWriter run;
  log_->SaveState(&run);
  const RunCheckpoint checkpoint{.env_steps = env_steps_, .snapshot = snapshot_, .run = run.Take()};
  since_checkpoint_.Lap();
  const absl::Status status =
      WriteCheckpoint(parts_, checkpoint, with_replay, config_.checkpoint().keep());
  // A shard that is away must not end the run: the learner alone is saved.
  if (with_replay && (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status))) {
    log_->Note(absl::StrCat("checkpoint without replay: ", std::string(status.message())));
    return Checkpoint(/*with_replay=*/false);
  }
  PMOE_RETURN_IF_ERROR(status);
  checkpoint_steps_ = env_steps_;
  log_->Note(absl::StrCat("checkpoint at ", env_steps_, " env steps",
                          with_replay ? "" : ", without replay"));
  return absl::OkStatus();
}

absl::Status AsyncRun::Finish() {
  const bool finished = env_steps_ >= total_steps();
  absl::Status flushed = log_->Flush(std::chrono::seconds(finished ? kLastEvaluation.count() : 0));
  if (absl::IsCancelled(flushed)) flushed = log_->Flush(std::chrono::seconds(0));
  if (!flushed.ok() && !absl::IsDeadlineExceeded(flushed)) return flushed;
  if (!flushed.ok()) log_->Note(std::string(flushed.message()));
  return Checkpoint(/*with_replay=*/true);
}

}  // namespace pmoe
