#include "cli/sweep/sweep_progress.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/base/file.h"
#include "common/base/number_text.h"
#include "common/config/run_config.h"
#include "common/metrics/csv_reader.h"
#include "run/run_directory.h"
#include "run/run_start.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

// A cell that other programs read as one: RFC 4180.
std::string Cell(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

bool IsAlwaysShown(const std::string& field) {
  return field == "env.id" || field == "algorithm" || field == "seed";
}

std::vector<std::string> EvaluationCells(const std::vector<double>& returns) {
  if (returns.empty()) return {"", "", ""};
  const double sum = std::accumulate(returns.begin(), returns.end(), 0.0);
  return {NumberText(returns.back()), NumberText(*std::max_element(returns.begin(), returns.end())),
          NumberText(sum / static_cast<double>(returns.size()))};
}

}  // namespace

const char* SweepStateName(SweepState state) {
  switch (state) {
    case SweepState::kWaiting:
      return "waiting";
    case SweepState::kRunning:
      return "running";
    case SweepState::kStopped:
      return "stopped";
    case SweepState::kFailed:
      return "failed";
    default:
      return "finished";
  }
}

RunProgress ReadRunProgress(const std::string& directory) {
  RunProgress progress;
  const absl::StatusOr<std::string> text = ReadFile(directory + "/metrics.csv");
  if (!text.ok()) return progress;
  double wall_before = 0.0;
  CsvReader reader;
  reader.Feed(*text, [&](absl::Span<const double> row) {
    const auto read = [&](absl::string_view column, double* value) {
      const auto at = std::find(reader.columns().begin(), reader.columns().end(), column);
      if (at == reader.columns().end()) return false;
      const double cell = row[static_cast<size_t>(at - reader.columns().begin())];
      if (!std::isnan(cell)) *value = cell;
      return !std::isnan(cell);
    };
    double wall = 0.0, value = 0.0;
    if (!read("wall_s", &wall)) return;
    read("env_steps", &progress.env_steps);
    read("updates", &progress.updates);
    read("env_steps_per_s", &progress.steps_per_s);
    // Begins anew where the run was resumed.
    progress.seconds += wall >= wall_before ? wall - wall_before : wall;
    wall_before = wall;
    if (read("eval_return_mean", &value)) progress.eval_returns.push_back(value);
  });
  return progress;
}

SweepRow ReadSweepRow(const SweepPlan& plan, const SweepRun& run) {
  const std::string directory = plan.Directory(run);
  SweepRow row;
  row.total_steps = static_cast<double>(TotalSteps(run.config));
  row.progress = ReadRunProgress(directory);
  if (!CheckUnfinished(directory, run.config).ok()) {
    row.state = SweepState::kFinished;
  } else if (const absl::StatusOr<std::string> note = ReadFile(plan.FailureNote(run)); note.ok()) {
    row.state = SweepState::kFailed;
    row.failure = std::string(absl::StripAsciiWhitespace(*note));
  } else if (fs::exists(directory + "/metrics.csv") || NewestCheckpointIn(directory).ok()) {
    row.state = SweepState::kStopped;
  }
  return row;
}

std::vector<SweepRow> ReadSweepRows(const SweepPlan& plan) {
  std::vector<SweepRow> rows;
  for (const SweepRun& run : plan.runs) rows.push_back(ReadSweepRow(plan, run));
  return rows;
}

std::string SweepResultsCsv(const SweepPlan& plan, const std::vector<SweepRow>& rows) {
  std::vector<std::string> head = {"run", "name", "state", "env.id", "algorithm", "seed"};
  for (const std::string& field : plan.fields) {
    if (!IsAlwaysShown(field)) head.push_back(Cell(field));
  }
  head.insert(head.end(), {"env_steps", "updates", "seconds", "eval_return_last",
                           "eval_return_best", "eval_return_mean", "directory"});
  std::string text = absl::StrJoin(head, ",") + "\n";
  for (size_t i = 0; i < rows.size(); ++i) {
    const SweepRun& run = plan.runs[i];
    const RunProgress& progress = rows[i].progress;
    std::vector<std::string> cells = {
        absl::StrCat(run.index),     Cell(run.name),         SweepStateName(rows[i].state),
        Cell(run.config.env().id()), run.config.algorithm(), absl::StrCat(run.config.seed())};
    for (size_t axis = 0; axis < plan.fields.size(); ++axis) {
      if (!IsAlwaysShown(plan.fields[axis])) cells.push_back(Cell(run.values[axis]));
    }
    cells.insert(cells.end(), {NumberText(progress.env_steps), NumberText(progress.updates),
                               NumberText(progress.seconds)});
    for (const std::string& cell : EvaluationCells(progress.eval_returns)) cells.push_back(cell);
    cells.push_back(Cell(plan.Directory(run)));
    absl::StrAppend(&text, absl::StrJoin(cells, ","), "\n");
  }
  return text;
}

}  // namespace pmoe
