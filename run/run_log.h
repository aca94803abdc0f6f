// What a run writes down while it trains: metrics.csv, TensorBoard events, log.txt,
// snapshots/best.pmoe and the progress line. Rows are written in order of env steps; a row that
// waits for its evaluation holds back the ones after it. docs/metrics.md explains every column.
// Used by the learner's thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/stopwatch.h"
#include "common/metrics/append_file.h"
#include "common/metrics/csv_writer.h"
#include "common/metrics/progress.h"
#include "common/metrics/tensorboard_writer.h"
#include "control/core/control.h"
#include "control/core/evaluation_backlog.h"
#include "proto/config.pb.h"
#include "run/break_downs.h"
#include "run/env_errors.h"
#include "run/info_columns.h"
#include "run/learner.h"
#include "run/metric_columns.h"
#include "run/round_counters.h"
#include "run/run_directory.h"
#include "run/run_meter.h"
#include "run/sample_lag.h"

namespace pmoe {

struct RunLogOptions {
  // Of a run with this configuration.
  static RunLogOptions FromConfig(const RunConfig& config, uint64_t total_steps);
  std::string label;  // "HalfCheetah-v5 pmoe_sac seed 1", opens the progress line
  uint64_t total_steps = 0;
  int primitives = 1;
  uint64_t log_every_steps = 1000;
  double diverged_share_max = 1.0;
  double price_per_hour = 0.0;      // 0: none
  bool env_errors_end_run = true;   // env.on_error
  std::vector<std::string> info{};  // observe.info
  int own_rows = 0;                 // of a minibatch, not demonstrations; 0: on-policy
  bool show_progress = true;        // false: somebody else shows it
  bool resumed = false;
  uint64_t resumed_steps = 0;  // rows after it are dropped from metrics.csv
  RunSettings settings{};      // for TensorBoard; those that the algorithm reads
};

class RunLog {
 public:
  // `evaluations` and `directory` outlive the log.
  static absl::StatusOr<std::unique_ptr<RunLog>> Create(const RunLogOptions& options,
                                                        const RunDirectory* directory,
                                                        EvaluationBacklog* evaluations);

  void OnReport(const ActorReport& report);
  // Why the run shall end with a checkpoint: too many break-downs, or an environment that failed.
  absl::Status Check() const;
  // Ends a round: submits `evaluate` (null: no evaluation due), opens a row where one is due,
  // writes what is ready.
  absl::Status CloseRound(const RoundCounters& counters, Learner* learner,
                          std::shared_ptr<const PolicySnapshot> evaluate);
  // Writes every open row, after waiting up to `wait` for their evaluations; rows whose evaluation
  // did not come are written without it and DeadlineExceededError says so. CancelledError:
  // interrupted while it waited; those rows stay open.
  absl::Status Flush(std::chrono::seconds wait);
  bool has_open_rows() const { return !open_.empty(); }
  void FinishProgress();
  // A line of log.txt with the time in front. The run does not end because this file cannot grow.
  void Note(const std::string& text);

  // How old the sampled rows are, and where time goes; the loop feeds them, rows show them.
  SampleLag& sample_lag() { return sample_lag_; }
  RunMeter& meter() { return meter_; }
  // The newest snapshot, to both.
  void OnPublish(uint64_t version);
  // Of the last evaluation and the last row, for status and metrics.
  std::optional<double> eval_return() const;
  const MetricRow& last_row() const { return last_row_; }

  // What the next rows' bits depend on; of what is open only SaveOpen speaks.
  void SaveState(ByteWriter* out) const;
  // Rows that wait for their evaluation and the snapshots to evaluate, where there are any.
  // LoadState takes them from the end of the state. After it no row may be written.
  void SaveOpen(ByteWriter* out) const;
  absl::Status LoadState(ByteReader* in);

 private:
  struct Files {
    CsvWriter csv;
    TensorBoardWriter events;
    AppendFile notes;  // log.txt
  };
  static absl::StatusOr<Files> OpenFiles(const RunLogOptions& options,
                                         const RunDirectory& directory);
  struct OpenRow {
    MetricRow values;
    bool waits_for_evaluation = false;
  };

  RunLog(const RunLogOptions& options, const RunDirectory* directory,
         EvaluationBacklog* evaluations, Files files);
  MetricRow MakeRow(const RoundCounters& counters, Learner* learner);
  void AddRates(const RoundCounters& counters, MetricRow* row);
  void AddTimes(MetricRow* row) const;
  absl::Status TakeEvaluations(std::chrono::seconds wait);
  absl::Status OnEvaluation(const PolicySnapshot& snapshot, const Evaluation& evaluation);
  // The row that waits for this snapshot does so no more.
  OpenRow* Release(const PolicySnapshot& snapshot);
  absl::Status WriteReady();
  void ShowProgress(const RoundCounters& counters);
  absl::Status LoadOpen(ByteReader* in);

  RunLogOptions options_;
  const RunDirectory* directory_;
  EvaluationBacklog* evaluations_;
  Files files_;
  ProgressPrinter progress_;
  Stopwatch wall_;

  uint64_t logged_ = 0;  // env steps of the newest row
  std::deque<OpenRow> open_;
  std::vector<EpisodeResult> episodes_;  // since the last row
  BreakDowns break_downs_;
  EnvErrors env_errors_;
  InfoColumns info_;
  SampleLag sample_lag_;
  RunMeter meter_;
  MetricRow last_row_;
  double best_return_;
  double last_eval_return_;
  bool has_evaluation_ = false;

  // Rates of the last row. Times are not part of the reproducible state, and start anew with each
  // process.
  uint64_t rate_env_steps_ = 0;
  uint64_t rate_updates_ = 0;
  double rate_wall_s_ = 0.0;
  ActorSeconds actor_seconds_;  // of all actors
  double eval_seconds_ = 0.0;
};

}  // namespace pmoe
