#include "run/run_check.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/file_lock.h"
#include "common/base/status_macros.h"
#include "common/config/info_names.h"
#include "common/config/run_config.h"
#include "common/config/run_config_file.h"
#include "common/metrics/csv_reader.h"
#include "common/policy/policy_snapshot.h"
#include "control/wire/env_folder.h"
#include "control/wire/env_identity.h"
#include "replay/core/block_file.h"
#include "replay/core/journal_record.h"
#include "replay/core/table_history.h"
#include "replay/log/log_reader.h"
#include "replay/wire/table_name.h"
#include "replay/wire/table_request.h"
#include "run/checkpoint.h"
#include "run/run_directory.h"
#include "run/run_log.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

std::string TextOf(const absl::Status& status) { return std::string(status.message()); }

// Names of saved tables without their ending: by env steps, the newest first, then the others.
std::vector<std::string> TablesIn(const std::string& folder) {
  constexpr absl::string_view kEnding = ".table";
  std::vector<uint64_t> numbers = NumberedEntries(folder, std::string(kEnding));
  std::reverse(numbers.begin(), numbers.end());
  std::vector<std::string> names;
  for (const uint64_t number : numbers) names.push_back(absl::StrCat(number));
  const size_t numbered = names.size();
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().stem().string();
    const bool is_number = std::find(names.begin(), names.end(), name) != names.end();
    if (entry.path().extension().string() == kEnding && !is_number) names.push_back(name);
  }
  std::sort(names.begin() + static_cast<ptrdiff_t>(numbered), names.end());
  return names;
}

// A run of an older program, or one that observe.info was given for later, lacks some.
bool AreAmong(const std::vector<std::string>& columns, const std::vector<std::string>& known) {
  return std::all_of(columns.begin(), columns.end(), [&known](const std::string& column) {
    return std::find(known.begin(), known.end(), column) != known.end();
  });
}

class Checker {
 public:
  explicit Checker(const std::string& path) : path_(path) { check_.directory = path; }

  RunCheck Run() {
    CheckConfig();
    CheckLock();
    CheckEpoch();
    CheckMetrics();
    CheckReplay(path_ + "/replay");
    CheckCheckpoints();
    CheckSnapshots();
    CheckEnv();
    FindResume();
    return std::move(check_);
  }

 private:
  void Damage(std::string text) { check_.damages.push_back(std::move(text)); }

  void CheckConfig() {
    const absl::StatusOr<RunConfig> config = ReadValidRunConfig(path_);
    if (!config.ok()) return Damage(TextOf(config.status()));
    check_.label = RunLabel(*config);
    check_.mode = config->schedule().mode();
    check_.lockstep = IsLockstep(*config);
    has_demos_ = DemoRows(*config) > 0;
    check_.total_steps = TotalSteps(*config);
    columns_ =
        MetricColumns(config->policy().primitives(),
                      InfoNames(config->observe().info()).value_or(std::vector<std::string>()));
  }

  void CheckLock() {
    check_.locked = FileLock::IsHeld(path_ + "/lock");
    if (check_.locked) check_.holder = FileLock::Holder(path_ + "/lock");
  }

  void CheckEpoch() {
    const std::string file = path_ + "/learner.epoch";
    uint64_t known = LoggedLearnerEpoch(path_), counted = 0;
    for (const uint64_t steps : CheckpointsIn(path_)) {
      known = std::max(known, NoteIn(path_, steps).learner_epoch);
    }
    const absl::StatusOr<std::string> text = ReadFile(file);
    const bool readable = text.ok() && absl::SimpleAtoi(*text, &counted);
    check_.learner_epoch = std::max(known, counted);
    if (text.ok() && !readable) return Damage(file + " holds no number");
    if (counted >= known) return;
    Damage(absl::StrCat(file, text.ok() ? absl::StrCat(" says ", counted) : " is missing",
                        ", but the run has had learner epoch ", known));
  }

  void CheckMetrics() {
    const std::string file = path_ + "/metrics.csv";
    const absl::StatusOr<std::string> text = ReadFile(file);
    if (absl::IsNotFound(text.status())) {
      if (!CheckpointsIn(path_).empty()) Damage(file + " is missing");
      return;
    }
    if (!text.ok()) return Damage(TextOf(text.status()));
    CsvReader reader;
    reader.Feed(*text, [&](absl::Span<const double> row) {
      ++check_.metric_rows;
      check_.metric_steps = static_cast<int64_t>(row[0]);
    });
    const int64_t lines = std::count(text->begin(), text->end(), '\n');
    if (!columns_.empty() && !AreAmong(reader.columns(), columns_)) {
      may_resume_ = false;
      return Damage(file + " has other columns than the run writes; move it away to resume");
    }
    if (lines - 1 > check_.metric_rows || !text->ends_with('\n')) {
      Damage(absl::StrCat(file, " has lines that are no rows"));
    }
  }

  // Those of several shards lie in folders of their own.
  void CheckReplay(const std::string& folder) {
    std::error_code error;
    std::optional<TableHistory> newest;  // that is whole
    for (const std::string& name : TablesIn(folder)) {
      const std::optional<TableHistory> table = CheckTable(folder, name);
      if (!table.has_value() || table->number == 0) continue;
      if (!newest.has_value() || table->number > newest->number) newest = table;
    }
    // What a restart reads; damage that a table has passed harms nobody.
    CheckLog(folder, newest.has_value() ? std::optional(newest->log_position) : std::nullopt);
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
      if (entry.is_directory(error)) CheckReplay(entry.path().string());
    }
  }

  std::string InReplay(const std::string& path) const {
    return fs::path(path).lexically_relative(path_ + "/replay").string();
  }

  // nullopt: it is damaged or gone.
  std::optional<TableHistory> CheckTable(const std::string& folder, const std::string& name) {
    const std::string file = absl::StrCat(folder, "/", name, ".table");
    const absl::Status whole = CheckBlocks(file);
    std::error_code error;
    CheckedTable table = {InReplay(absl::StrCat(folder, "/", name))};
    table.bytes = fs::file_size(file, error);
    if (error) return std::nullopt;  // dropped meanwhile
    if (!whole.ok()) Damage(table.damage = TextOf(whole));
    check_.tables.push_back(std::move(table));
    const absl::StatusOr<TableHistory> history = ReadHistory(file);
    return whole.ok() && history.ok() ? std::optional(*history) : std::nullopt;
  }

  void CheckLog(const std::string& folder, std::optional<uint64_t> from) {
    CheckedLog log;
    const LogVisitor count = {
        .record = [&log](uint64_t, absl::string_view, absl::string_view record) {
          log.rows += RowsOfRecord(record);
          return absl::OkStatus();
        }};
    const absl::StatusOr<LogScan> scan = ReadLog(folder, from, count);
    if (!scan.ok()) return;  // no folder, or a segment that was dropped meanwhile
    log.name = InReplay(folder) == "." ? "" : InReplay(folder);
    log.records = scan->records;
    log.torn_bytes = scan->torn_bytes;
    log.damage = scan->damage;
    if (!log.damage.empty()) Damage(log.damage);
    if (log.records > 0 || log.torn_bytes > 0 || !log.damage.empty()) {
      check_.logs.push_back(std::move(log));
    }
  }

  void CheckCheckpoints() {
    std::vector<uint64_t> steps = CheckpointsIn(path_);
    std::reverse(steps.begin(), steps.end());
    for (const uint64_t at : steps) {
      CheckedCheckpoint checkpoint;
      checkpoint.env_steps = at;
      const absl::StatusOr<std::string> note = ReadFile(CheckpointNoteFileIn(path_, at));
      if (note.ok() && !ParseCheckpointNote(*note).has_value()) {
        Damage(CheckpointNoteFileIn(path_, at) + " is not as it was written");
      }
      checkpoint.note = NoteIn(path_, at);
      const absl::StatusOr<uint64_t> version = CheckCheckpoint(CheckpointFileIn(path_, at));
      if (absl::IsNotFound(version.status())) continue;  // dropped meanwhile
      checkpoint.policy_version = version.value_or(0);
      if (!version.ok()) Damage(checkpoint.damage = TextOf(version.status()));
      check_.checkpoints.push_back(std::move(checkpoint));
    }
  }

  void CheckSnapshots() {
    for (const char* name : {"best", "latest"}) {
      const std::string file = absl::StrCat(path_, "/snapshots/", name, ".pmoe");
      absl::StatusOr<std::string> bytes = ReadFile(file);
      if (absl::IsNotFound(bytes.status())) {
        const bool due = std::string(name) == "latest" && !check_.checkpoints.empty();
        if (due) Damage(file + " is missing");
        continue;
      }
      CheckedSnapshot snapshot;
      snapshot.name = name;
      absl::Status status = bytes.status();
      if (status.ok()) {
        const absl::StatusOr<PolicySnapshot> decoded = PolicySnapshot::Decode(*std::move(bytes));
        status = decoded.status();
        if (decoded.ok()) {
          snapshot.env_steps = decoded->env_steps;
          snapshot.policy_version = decoded->version;
        }
      }
      if (!status.ok()) Damage(snapshot.damage = absl::StrCat(file, ": ", status.message()));
      check_.snapshots.push_back(std::move(snapshot));
    }
  }

  void CheckEnv() {
    const auto kept = KeptEnv(path_);
    if (!kept.ok()) return Damage(TextOf(kept.status()));
    if (!kept->has_value() || !HasEnvFiles(path_)) return;
    for (int i = 0; i < (*kept)->files_size(); ++i) {
      const std::string file = KeptFile(path_, **kept, i);
      const absl::StatusOr<std::string> bytes = ReadFile(file);
      if (!bytes.ok()) {
        Damage(TextOf(bytes.status()));
      } else if (Sha256(*bytes) != (*kept)->files(i).sha256()) {
        Damage(file + " is not the file that the run was made with");
      }
    }
  }

  bool HasWholeTable(const std::string& name) const {
    return std::any_of(check_.tables.begin(), check_.tables.end(), [&](const CheckedTable& table) {
      return table.name == name && table.damage.empty();
    });
  }

  // In lockstep; says so where it is not there.
  bool CanRestore(const std::string& name) {
    if (HasWholeTable(name)) return true;
    const std::string table = absl::StrCat(path_, "/replay/", name, ".table");
    std::error_code error;
    if (!fs::exists(table, error)) {
      Damage(table + " is missing, without which the checkpoint of that name cannot be used");
    }
    return false;
  }

  // As LoadNewestCheckpoint chooses, on a machine that has the rows.
  void FindResume() {
    for (const CheckedCheckpoint& checkpoint : check_.checkpoints) {
      if (!checkpoint.damage.empty()) continue;
      const std::string name = absl::StrCat(checkpoint.env_steps);
      const std::string demos = NamedTableFolder("", kDemoTable).substr(1) + "/" + name;
      if (check_.lockstep && !CanRestore(name)) continue;
      if (check_.lockstep && has_demos_ && !CanRestore(demos)) continue;
      if (!check_.resumes_at.has_value()) check_.resumes_at = checkpoint.env_steps;
    }
    if (check_.label.empty() || !may_resume_) check_.resumes_at.reset();
  }

  const std::string path_;
  std::vector<std::string> columns_;  // of metrics.csv; empty: without its configuration
  bool may_resume_ = true;
  bool has_demos_ = false;  // a table of their own belongs to each of lockstep's checkpoints
  RunCheck check_;
};

}  // namespace

absl::StatusOr<RunCheck> CheckRun(const std::string& path) {
  std::error_code error;
  const bool is_run = fs::exists(path + "/config.textproto", error) ||
                      fs::is_directory(path + "/checkpoints", error);
  if (is_run) return Checker(path).Run();
  return absl::NotFoundError(
      absl::StrCat(path, " is not a run directory: it has no config.textproto"));
}

}  // namespace pmoe
