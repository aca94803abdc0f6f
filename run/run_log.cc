#include "run/run_log.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/config/env_choices.h"
#include "common/config/info_names.h"
#include "common/config/run_config.h"
#include "run/run_cost.h"

namespace pmoe {
namespace {

constexpr std::chrono::seconds kQuietWait(30);  // for evaluations, before it says so
constexpr size_t kEpisodesPerRowMax = size_t{1} << 20;

double NowSince1970() { return absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch()); }

void AddEpisodeMeans(const std::vector<EpisodeResult>& episodes, MetricRow* row) {
  (*row)["train_episodes"] = static_cast<double>(episodes.size());
  (*row)["train_diverged"] = static_cast<double>(
      std::count_if(episodes.begin(), episodes.end(),
                    [](const EpisodeResult& episode) { return episode.diverged != 0; }));
  if (episodes.empty()) return;
  double returns = 0.0, lengths = 0.0;
  for (const EpisodeResult& episode : episodes) {
    returns += episode.episode_return;
    lengths += episode.length;
  }
  (*row)["train_return_mean"] = returns / static_cast<double>(episodes.size());
  (*row)["train_length_mean"] = lengths / static_cast<double>(episodes.size());
}

}  // namespace

RunLogOptions RunLogOptions::FromConfig(const RunConfig& config, uint64_t total_steps) {
  RunLogOptions options;
  options.label = RunLabel(config);
  options.total_steps = total_steps;
  options.primitives = config.policy().primitives();
  options.log_every_steps = config.observe().log_every_steps();
  options.diverged_share_max = config.observe().diverged_share_max();
  options.price_per_hour = config.observe().price_per_hour();
  options.env_errors_end_run =
      ParseChoice<OnEnvError>(config.env().on_error()) == OnEnvError::kEndRun;
  if (!AlgorithmOf(config).on_policy()) options.own_rows = OwnRows(config);
  options.info = InfoNames(config.observe().info()).value_or(std::vector<std::string>());
  options.settings = {PrintConfig(config), ChangedValues(RunConfig(), config)};
  return options;
}

absl::StatusOr<RunLog::Files> RunLog::OpenFiles(const RunLogOptions& options,
                                                const RunDirectory& directory) {
  const std::string file = directory.File("metrics.csv");
  const std::vector<std::string> columns = MetricColumns(options.primitives, options.info);
  const int64_t last = static_cast<int64_t>(options.resumed_steps);
  absl::StatusOr<CsvWriter> csv =
      options.resumed ? CsvWriter::Resume(file, columns, last) : CsvWriter::Create(file, columns);
  PMOE_RETURN_IF_ERROR(csv.status());
  absl::StatusOr<TensorBoardWriter> events =
      options.resumed ? TensorBoardWriter::Resume(directory.path(), NowSince1970(), last)
                      : TensorBoardWriter::Create(directory.path(), NowSince1970());
  PMOE_RETURN_IF_ERROR(events.status());
  PMOE_RETURN_IF_ERROR(events->WriteSettings(last, NowSince1970(), options.settings));
  absl::StatusOr<AppendFile> notes = AppendFile::Open(directory.File("log.txt"));
  if (absl::IsNotFound(notes.status())) notes = AppendFile::Create(directory.File("log.txt"));
  PMOE_RETURN_IF_ERROR(notes.status());
  return Files{*std::move(csv), *std::move(events), *std::move(notes)};
}

absl::StatusOr<std::unique_ptr<RunLog>> RunLog::Create(const RunLogOptions& options,
                                                       const RunDirectory* directory,
                                                       EvaluationBacklog* evaluations) {
  PMOE_ASSIGN_OR_RETURN(Files files, OpenFiles(options, *directory));
  std::unique_ptr<RunLog> log(new RunLog(options, directory, evaluations, std::move(files)));
  log->meter_.SetCost(options.resumed ? ReadRunCosts(directory->path()).all : RunCost(),
                      options.price_per_hour);
  log->Note(options.resumed ? absl::StrCat("resumed at ", options.resumed_steps, " env steps")
                            : "started");
  return log;
}

RunLog::RunLog(const RunLogOptions& options, const RunDirectory* directory,
               EvaluationBacklog* evaluations, Files files)
    : options_(options),
      directory_(directory),
      evaluations_(evaluations),
      files_(std::move(files)),
      progress_({.label = options.label,
                 .plain_every_steps = static_cast<int64_t>(options.log_every_steps),
                 // Only for what is shown: updates are many.
                 .complete =
                     [this](ProgressState* state) {
                       const RunMeter::Pace pace = meter_.Lately().value_or(RunMeter::Pace());
                       state->env_steps_per_s = pace.env_steps_per_s;
                       state->updates_per_s = pace.updates_per_s;
                     }}),
      break_downs_(options.diverged_share_max),
      env_errors_(options.env_errors_end_run),
      info_(options.info),
      meter_(options.own_rows),
      best_return_(-std::numeric_limits<double>::infinity()),
      last_eval_return_(0.0),
      rate_env_steps_(options.resumed_steps) {}

void RunLog::OnReport(const ActorReport& report) {
  // More than a row can hold are counted by nobody: rows come every few thousand steps.
  const size_t room = kEpisodesPerRowMax - std::min(kEpisodesPerRowMax, episodes_.size());
  const auto last =
      report.episodes.begin() + static_cast<ptrdiff_t>(std::min(room, report.episodes.size()));
  episodes_.insert(episodes_.end(), report.episodes.begin(), last);
  info_.Add(report.info);
  for (const auto& line : {break_downs_.Add(report.episodes), env_errors_.Add(report)}) {
    if (!line.has_value()) continue;
    Log(LogLevel::kWarning, *line);
    Note(absl::StrCat("warning: ", *line));
  }
  actor_seconds_ = actor_seconds_ + report.seconds;
  meter_.policy_lag().OnReport(report.actor, report.acting_version);
}

void RunLog::OnPublish(uint64_t version) {
  sample_lag_.OnPublish(version);
  meter_.policy_lag().OnPublish(version);
}

absl::Status RunLog::Check() const {
  PMOE_RETURN_IF_ERROR(env_errors_.Check());
  return break_downs_.Check();
}

absl::Status RunLog::CloseRound(const RoundCounters& counters, Learner* learner,
                                std::shared_ptr<const PolicySnapshot> evaluate) {
  meter_.Look(counters.env_steps, counters.updates, *learner);
  const bool last = counters.env_steps >= options_.total_steps;
  const bool row_due =
      evaluate != nullptr || last ||
      counters.env_steps / options_.log_every_steps > logged_ / options_.log_every_steps;
  if (row_due) {
    open_.push_back({MakeRow(counters, learner), evaluate != nullptr});
    logged_ = counters.env_steps;
  }
  if (evaluate != nullptr) {
    const RunMeter::During waits(&meter_, LoopPhase::kEvaluation);
    PMOE_RETURN_IF_ERROR(evaluations_->Submit(std::move(evaluate)));
  }
  PMOE_RETURN_IF_ERROR(TakeEvaluations(std::chrono::seconds(0)));
  PMOE_RETURN_IF_ERROR(WriteReady());
  ShowProgress(counters);
  return absl::OkStatus();
}

MetricRow RunLog::MakeRow(const RoundCounters& counters, Learner* learner) {
  MetricRow row;
  row["env_steps"] = static_cast<double>(counters.env_steps);
  row["updates"] = static_cast<double>(counters.updates);
  row["policy_lag"] = counters.policy_lag;
  row["replay_size"] = static_cast<double>(counters.replay_size);
  for (const auto& [name, value] : learner->DrainStats()) row[name] = value;
  if (const std::optional<SampleLag::Means> lag = sample_lag_.Drain(); lag.has_value()) {
    row["sampled_lag"] = lag->versions;
    if (lag->seconds.has_value()) row["sampled_lag_s"] = *lag->seconds;
  }
  AddEpisodeMeans(std::exchange(episodes_, {}), &row);
  info_.AddTo(&row);
  AddRates(counters, &row);
  AddTimes(&row);
  last_row_ = row;
  return row;
}

void RunLog::AddRates(const RoundCounters& counters, MetricRow* row) {
  const double now_s = wall_.Elapsed();
  const double seconds = now_s - std::exchange(rate_wall_s_, now_s);
  (*row)["wall_s"] = now_s;
  const auto since = [](uint64_t now, uint64_t* before) {
    return static_cast<double>(now - std::exchange(*before, now));
  };
  const double env_steps = since(counters.env_steps, &rate_env_steps_);
  const double updates = since(counters.updates, &rate_updates_);
  (*row)["env_steps_per_s"] = env_steps / seconds;
  (*row)["updates_per_s"] = updates / seconds;
  // Not the meter's, which is over a time: from row to row, whichever life wrote those, so that in
  // lockstep it has the same bits in every run.
  if (options_.own_rows > 0 && counters.env_steps > logged_) {
    (*row)["samples_per_insert"] =
        updates * options_.own_rows / static_cast<double>(counters.env_steps - logged_);
  }
}

void RunLog::AddTimes(MetricRow* row) const {
  (*row)["time_env_s"] = actor_seconds_.env;
  (*row)["time_policy_s"] = actor_seconds_.policy;
  (*row)["time_write_s"] = actor_seconds_.write;
  (*row)["time_blocked_s"] = actor_seconds_.blocked;
  (*row)["time_idle_s"] = actor_seconds_.idle;
  (*row)["time_replay_s"] = meter_.Seconds(LoopPhase::kSampleWait);
  (*row)["time_update_s"] = meter_.Seconds(LoopPhase::kUpdate);
  (*row)["time_publish_s"] = meter_.Seconds(LoopPhase::kPublish);
  (*row)["time_checkpoint_s"] = meter_.Seconds(LoopPhase::kCheckpoint);
  (*row)["time_eval_wait_s"] = meter_.Seconds(LoopPhase::kEvaluation);
  (*row)["time_eval_s"] = eval_seconds_;
  if (meter_.cpu_s().has_value()) (*row)["cpu_s"] = *meter_.cpu_s();
  if (meter_.gpu_s().has_value()) (*row)["gpu_s"] = *meter_.gpu_s();
  if (const auto lag = meter_.policy_lag().Lately()) (*row)["policy_lag_s"] = lag->seconds;
}

absl::Status RunLog::TakeEvaluations(std::chrono::seconds wait) {
  absl::StatusOr<std::deque<EvaluatedSnapshot>> finished;
  if (wait.count() == 0) {
    finished = evaluations_->Take(wait);
  } else {
    const RunMeter::During waits(&meter_, LoopPhase::kEvaluation);
    finished = evaluations_->Take(wait);
  }
  PMOE_RETURN_IF_ERROR(finished.status());
  for (const EvaluatedSnapshot& done : *finished) {
    if (done.evaluation.has_value()) {
      PMOE_RETURN_IF_ERROR(OnEvaluation(*done.snapshot, *done.evaluation));
    } else {
      Release(*done.snapshot);
    }
  }
  return absl::OkStatus();
}

RunLog::OpenRow* RunLog::Release(const PolicySnapshot& snapshot) {
  for (OpenRow& row : open_) {
    if (!row.waits_for_evaluation ||
        row.values["env_steps"] != static_cast<double>(snapshot.env_steps))
      continue;
    row.waits_for_evaluation = false;
    return &row;
  }
  return nullptr;
}

absl::Status RunLog::OnEvaluation(const PolicySnapshot& snapshot, const Evaluation& evaluation) {
  eval_seconds_ += evaluation.seconds;
  if (evaluation.returns.empty()) {  // its row has no return, and nothing was best
    Note(absl::StrCat("evaluation at ", evaluation.env_steps,
                      " env steps: the environment failed in every episode"));
    Release(snapshot);
    return absl::OkStatus();
  }
  last_eval_return_ = evaluation.return_mean;
  has_evaluation_ = true;
  Note(absl::StrCat("evaluation at ", evaluation.env_steps, " env steps: return ",
                    evaluation.return_mean, " +- ", evaluation.return_std));
  if (OpenRow* row = Release(snapshot); row != nullptr) {
    row->values["eval_return_mean"] = evaluation.return_mean;
    row->values["eval_return_std"] = evaluation.return_std;
    row->values["eval_length_mean"] = evaluation.length_mean;
    row->values["eval_s"] = evaluation.seconds;
    info_.AddEvaluation(evaluation.info, &row->values);
  }
  if (evaluation.return_mean <= best_return_) return absl::OkStatus();
  best_return_ = evaluation.return_mean;
  return WriteFileAtomic(directory_->SnapshotFile("best"), snapshot.Encode());
}

std::optional<double> RunLog::eval_return() const {
  if (!has_evaluation_) return std::nullopt;
  return last_eval_return_;
}

absl::Status RunLog::WriteReady() {
  while (!open_.empty() && !open_.front().waits_for_evaluation) {
    const MetricRow row = std::move(open_.front().values);
    open_.pop_front();
    PMOE_RETURN_IF_ERROR(files_.csv.Write(row));
    PMOE_RETURN_IF_ERROR(
        files_.events.Write(static_cast<int64_t>(row.at("env_steps")), NowSince1970(), row));
  }
  return absl::OkStatus();
}

absl::Status RunLog::Flush(std::chrono::seconds wait) {
  const std::chrono::seconds quiet = std::min(wait, kQuietWait);
  absl::Status evaluated = TakeEvaluations(quiet);
  if (absl::IsDeadlineExceeded(evaluated) && wait > quiet) {
    Log(LogLevel::kWarning, "still waiting for an evaluation, up to ", (wait - quiet).count(),
        " s more; a cluster started by hand needs a `pmoe-actor run --evaluate`");
    evaluated = TakeEvaluations(wait - quiet);
  }
  if (absl::IsCancelled(evaluated)) {
    PMOE_RETURN_IF_ERROR(TakeEvaluations(std::chrono::seconds(0)));
    PMOE_RETURN_IF_ERROR(WriteReady());
    return evaluated;
  }
  if (!evaluated.ok() && !absl::IsDeadlineExceeded(evaluated)) return evaluated;
  for (OpenRow& row : open_) row.waits_for_evaluation = false;
  PMOE_RETURN_IF_ERROR(WriteReady());
  return evaluated;
}

void RunLog::ShowProgress(const RoundCounters& counters) {
  if (!options_.show_progress) return;
  ProgressState state;
  state.env_steps = static_cast<int64_t>(counters.env_steps);
  state.total_steps = static_cast<int64_t>(options_.total_steps);
  state.elapsed_s = wall_.Elapsed();
  if (has_evaluation_) state.eval_return = last_eval_return_;
  progress_.Update(state);
}

void RunLog::FinishProgress() { progress_.Finish(); }

void RunLog::Note(const std::string& text) {
  const std::string time =
      absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::Now(), absl::LocalTimeZone());
  files_.notes.Append(absl::StrCat(time, " ", text, "\n")).IgnoreError();
}

void RunLog::SaveState(ByteWriter* out) const {
  out->Pod(logged_);
  out->Pod(rate_updates_);
  out->Pod(best_return_);
  out->Pod(static_cast<uint8_t>(has_evaluation_));
  out->Pod(last_eval_return_);
  out->Vector(episodes_);
  sample_lag_.SaveState(out);
  info_.SaveState(out);
}

void RunLog::SaveOpen(ByteWriter* out) const {
  if (open_.empty()) return;
  out->Pod(static_cast<uint32_t>(open_.size()));
  for (const OpenRow& row : open_) {
    out->Pod(static_cast<uint8_t>(row.waits_for_evaluation));
    out->Pod(static_cast<uint32_t>(row.values.size()));
    for (const auto& [name, value] : row.values) {
      out->String(name);
      out->Pod(value);
    }
  }
  const auto waiting = evaluations_->Waiting();
  out->Pod(static_cast<uint32_t>(waiting.size()));
  for (const auto& snapshot : waiting) out->String(snapshot->Encode());
}

// A later life may have written these rows before it ended: the files go back to before them.
absl::Status RunLog::LoadOpen(ByteReader* in) {
  uint32_t rows = 0, waiting = 0;
  in->Pod(&rows);
  for (uint32_t i = 0; i < rows && in->ok(); ++i) {
    OpenRow row;
    uint8_t waits = 0;
    uint32_t values = 0;
    in->Pod(&waits);
    in->Pod(&values);
    row.waits_for_evaluation = waits != 0;
    for (uint32_t v = 0; v < values && in->ok(); ++v) {
      std::string name;
      in->String(&name);
      in->Pod(&row.values[name]);
    }
    open_.push_back(std::move(row));
  }
  in->Pod(&waiting);
  std::vector<std::shared_ptr<const PolicySnapshot>> snapshots;
  for (uint32_t i = 0; i < waiting && in->ok(); ++i) {
    std::string bytes;
    in->String(&bytes);
    PMOE_ASSIGN_OR_RETURN(PolicySnapshot snapshot, PolicySnapshot::Decode(std::move(bytes)));
    snapshots.push_back(std::make_shared<const PolicySnapshot>(std::move(snapshot)));
  }
  if (!in->ok() || open_.empty()) return absl::OkStatus();  // LoadState reports it
  RunLogOptions before = options_;
  before.resumed_steps = static_cast<uint64_t>(open_.front().values["env_steps"]) - 1;
  PMOE_ASSIGN_OR_RETURN(files_, OpenFiles(before, *directory_));
  evaluations_->Restore(std::move(snapshots));
  return absl::OkStatus();
}

absl::Status RunLog::LoadState(ByteReader* in) {
  uint8_t has_evaluation = 0;
  in->Pod(&logged_);
  in->Pod(&rate_updates_);
  in->Pod(&best_return_);
  in->Pod(&has_evaluation);
  in->Pod(&last_eval_return_);
  in->Vector(&episodes_);
  sample_lag_.LoadState(in);
  info_.LoadState(in);
  has_evaluation_ = has_evaluation != 0;
  if (in->ok() && in->remaining() > 0) PMOE_RETURN_IF_ERROR(LoadOpen(in));
  return in->ok() ? absl::OkStatus()
                  : absl::DataLossError("checkpoint: the log's part is truncated");
}

}  // namespace pmoe
