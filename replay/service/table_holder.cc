#include "replay/service/table_holder.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/memory_limit.h"
#include "common/base/status_macros.h"
#include "google/protobuf/util/message_differencer.h"
#include "replay/core/size_warnings.h"
#include "replay/log/log_reader.h"
#include "replay/wire/table_request.h"

namespace pmoe {
namespace {

constexpr absl::string_view kNewest = "newest";
constexpr absl::string_view kLog = "log";        // restored from nothing else
constexpr absl::string_view kAside = "aside-";   // names of SaveAside
constexpr int64_t kSegments = 8;                 // of a log as long as its table, at least
constexpr int64_t kSegmentBytesMin = int64_t{1} << 20;
constexpr int kLongLogs = 2;  // that are kept for tables which nobody saves again

// As long as the table, which then should take its place.
int64_t LongLogOf(const TableSize& full) { return std::max(full.bytes, 8 * kSegmentBytesMin); }

// In async; what comes while the last of them is saved is not in it.
TableSize WithLog(TableSize full, const CreateTableRequest& request) {
  const bool logged = !request.lockstep() && request.durability() != DURABILITY_NONE;
  if (logged) full.log_bytes = (kLongLogs + 1) * LongLogOf(full);
  return full;
}

// The columns of the rows, so that nobody reads a log as another table's.
std::string LogOwner(const TableSpec& spec) {
  ByteWriter out;
  out.Pod(spec.obs_dim);
  out.Pod(spec.action_dim);
  out.Pod(spec.extra_dim);
  return out.Take();
}

// What must not differ between two calls.
CreateTableRequest Lasting(CreateTableRequest request) {
  request.clear_learner();
  request.clear_restore();
  request.clear_first_round();
  request.clear_seat_key();
  request.clear_newest_version();
  if (request.has_priorities()) {  // a run that is made longer keeps its betas
    request.mutable_priorities()->clear_beta();
    request.mutable_priorities()->clear_beta_end();
    request.mutable_priorities()->clear_beta_rows();
  }
  return request;
}

absl::Status CheckSame(const CreateTableRequest& had, const CreateTableRequest& wanted) {
  google::protobuf::util::MessageDifferencer differencer;
  std::string differences;
  differencer.ReportDifferencesToString(&differences);
  if (differencer.Compare(Lasting(had), Lasting(wanted))) return absl::OkStatus();
  while (!differences.empty() && differences.back() == '\n') differences.pop_back();
  return absl::FailedPreconditionError(
      absl::StrCat("this shard has a table that is not the one asked for: ", differences,
                   "; restart the shard for another table"));
}

// Of the file that was restored: what its settings were, and whether times call another one newer.
void SayWhatDiffers(const TableFiles::Found& restored, const std::vector<TableFiles::Found>& files,
                    const std::vector<SavedSetting>& saved, const std::vector<SavedSetting>& now,
                    std::vector<std::string>* warnings) {
  for (const TableFiles::Found& file : files) {
    if (file.damaged || file.written <= restored.written || file.number >= restored.number)
      continue;
    warnings->push_back(absl::StrCat("restored ", restored.name, ", save ", restored.number,
                                     "; the file of ", file.name, " is younger, but holds save ",
                                     file.number));
  }
  for (const std::string& difference : Differences(saved, now)) {
    warnings->push_back(absl::StrCat(difference, "; this run's holds"));
  }
}

// A table that begins anew in a folder that had another one: what that one's log ends with must not
// end the reading of the new one's.
absl::Status CutOldLog(const std::string& dir) {
  const LogVisitor nobody = {
      .record = [](uint64_t, absl::string_view, absl::string_view) { return absl::OkStatus(); }};
  PMOE_ASSIGN_OR_RETURN(const LogScan scan, ReadLog(dir, std::nullopt, nobody));
  return CutLog(dir, scan);
}

}  // namespace

absl::Status TableHolder::Create(const CreateTableRequest& request,
                                 std::vector<std::string>* warnings) {
  if (!Durability_IsValid(request.durability())) {
    return absl::InvalidArgumentError(absl::StrCat("durability must be one of Durability, got ",
                                                   request.durability(),
                                                   "; is the learner of another build?"));
  }
  if (!RowOrder_IsValid(request.order())) {
    return absl::InvalidArgumentError(absl::StrCat("order must be one of RowOrder, got ",
                                                   request.order(),
                                                   "; is the learner of another build?"));
  }
  ReplayShardOptions options = ShardOptions(request);
  options.clock = log_options_.clock;
  {
    MutexLock lock(&mu_);
    if (shard_ != nullptr) {
      return CheckSame(request_, request);
    }
    PMOE_ASSIGN_OR_RETURN(shard_, ReplayShard::Create(options));
    request_ = request;
  }
  // How many the learner keeps, it says itself where it sees this disk.
  *warnings = SizeWarnings(WithLog(FullSize(options), request), MemoryLimit(), /*tables=*/2,
                           /*state_bytes=*/0, dir_, DiskSpaceAt(dir_));
  return absl::OkStatus();
}

void TableHolder::SetPublished(uint64_t version, bool now) { Made()->SetPublished(version, now); }

bool TableHolder::Restores(absl::string_view restore) const {
  return !restore.empty() && (restore != kNewest || shard() == nullptr);
}

absl::StatusOr<std::string> TableHolder::Restore(const std::string& restore,
                                                 std::vector<std::string>* warnings) {
  ReplayShard* const shard = Made();
  if (restore == kNewest) return RestoreNewest(shard, warnings);
  MutexLock lock(&files_mu_);
  PMOE_ASSIGN_OR_RETURN(const std::string path, files_.Path(restore));
  PMOE_RETURN_IF_ERROR(shard->Load(path));
  // Set back on purpose: what the log says after that checkpoint shall not come back. Until it
  // cannot, nothing may be added to the log, which would be of another history.
  SetReady(false);
  if (log() != nullptr) PMOE_RETURN_IF_ERROR(SaveAs(shard, path));
  return restore;
}

absl::StatusOr<std::string> TableHolder::RestoreNewest(ReplayShard* shard,
                                                       std::vector<std::string>* warnings) {
  MutexLock lock(&files_mu_);
  PMOE_RETURN_IF_ERROR(shard->Clear());  // of an attempt that failed half-way
  PMOE_ASSIGN_OR_RETURN(const std::vector<TableFiles::Found> files, files_.NewestFirst());
  std::string restored;
  for (const TableFiles::Found& file : files) {
    PMOE_ASSIGN_OR_RETURN(const std::string path, files_.Path(file.name));
    TableHistory history;
    const absl::Status loaded = shard->Load(path, &history);
    if (loaded.ok()) {
      SayWhatDiffers(file, files, history.settings, shard->settings(), warnings);
      restored = file.name;
      break;
    }
    if (!absl::IsDataLoss(loaded)) return loaded;
    warnings->push_back(absl::StrCat("passed over a checkpoint: ", loaded.message()));
  }
  if (lockstep()) return restored;
  PMOE_ASSIGN_OR_RETURN(const bool applied, ApplyLog(shard, !restored.empty(), warnings));
  return restored.empty() && applied ? std::string(kLog) : restored;
}

// Records before the first that begins a table are of no use where there is no table.
absl::StatusOr<bool> TableHolder::ApplyLog(ReplayShard* shard, bool to_a_table,
                                           std::vector<std::string>* warnings) {
  const std::string columns = LogOwner(shard->spec());
  absl::Status refused;
  int64_t rows = 0;
  int64_t rows_lost = 0;
  bool applies = to_a_table;
  const LogVisitor visitor = {
      .record = [&](uint64_t position, absl::string_view owner,
                    absl::string_view record) -> absl::Status {
        applies |= BeginsTable(record);
        if (owner != columns) {
          refused = absl::FailedPreconditionError(absl::StrCat(
              "the log in ", dir_, " is of a table with other columns; use another --dir"));
          return refused;
        }
        (applies ? rows : rows_lost) += RowsOfRecord(record);
        return applies ? shard->Apply(record, position) : absl::OkStatus();
      },
      .lost = [&](absl::string_view record) { rows_lost += RowsOfRecord(record); }};
  const int64_t left_out_before = shard->Stats().rows_left_out;
  const std::optional<uint64_t> from =
      to_a_table ? std::optional(shard->log_position()) : std::nullopt;
  PMOE_ASSIGN_OR_RETURN(const LogScan scan, ReadLog(dir_, from, visitor));
  PMOE_RETURN_IF_ERROR(refused);
  if (scan.torn_bytes > 0) {
    warnings->push_back(absl::StrCat("the log ended with ", scan.torn_bytes,
                                     " bytes of a write that was cut off; they are removed"));
  }
  if (!scan.damage.empty()) {
    warnings->push_back(absl::StrCat("the log is damaged: ", scan.damage, "; ", scan.lost_records,
                                     " records behind it cannot be used; set aside as *.damaged"));
  }
  if (rows_lost > 0) {
    warnings->push_back(absl::StrCat(rows_lost, " rows of the log are lost"));
  }
  if (rows > 0) warnings->push_back(absl::StrCat("the log gave ", rows, " rows"));
  if (const int64_t left_out = shard->Stats().rows_left_out; left_out > left_out_before) {
    warnings->push_back(
        absl::StrCat(left_out - left_out_before, " of them make no sense and are left out"));
  }
  PMOE_RETURN_IF_ERROR(CutLog(dir_, scan));
  return applies && scan.records > 0;
}

absl::Status TableHolder::StartLog(absl::string_view restored) {
  ReplayShard* const shard = Made();
  MutexLock lock(&files_mu_);
  SegmentLogOptions options = log_options_;
  ReplayShardOptions table;
  {
    MutexLock request_lock(&mu_);
    if (log_ != nullptr || request_.lockstep() || request_.durability() == DURABILITY_NONE) {
      ready_ = true;
      return absl::OkStatus();
    }
    options.acks_wait = request_.durability() == DURABILITY_WAL;
    table = ShardOptions(request_);
  }
  options.dir = dir_;
  options.owner = LogOwner(shard->spec());
  options.segment_bytes = std::min(std::max(FullSize(table).bytes / kSegments, kSegmentBytesMin),
                                   options.segment_bytes);
  if (restored.empty()) PMOE_RETURN_IF_ERROR(CutOldLog(dir_));
  PMOE_ASSIGN_OR_RETURN(options.position, EndOfLog(dir_));
  options.position = std::max(options.position, shard->log_position());
  PMOE_ASSIGN_OR_RETURN(const std::vector<TableFiles::Found> files, files_.NewestFirst());
  for (const TableFiles::Found& file : files) {
    options.position = std::max(options.position, file.log_position);
  }
  // Lives that were killed leave their part: without it, each would begin to count anew.
  PMOE_ASSIGN_OR_RETURN(const int64_t bytes_before, LogBytes(dir_));
  log_bytes_saved_ = -bytes_before;
  auto log = SegmentLog::Start(std::move(options));
  shard->StartJournal(log.get(), /*begins=*/restored.empty());
  MutexLock set_lock(&mu_);
  log_ = std::move(log);
  ready_ = true;
  return absl::OkStatus();
}

absl::Status TableHolder::PruneLog() {
  if (lockstep()) return absl::OkStatus();
  SegmentLog* const log = this->log();
  if (log != nullptr) {
    const SegmentLogStats stats = log->stats();
    log_bytes_saved_ = stats.bytes;
    log_dropped_saved_ = stats.dropped;
  }
  PMOE_ASSIGN_OR_RETURN(const std::vector<TableFiles::Found> files, files_.NewestFirst());
  uint64_t needed = UINT64_MAX;
  for (const TableFiles::Found& file : files) needed = std::min(needed, file.log_position);
  return files.empty() ? absl::OkStatus() : pmoe::PruneLog(dir_, needed);
}

// A table that nobody saves again, as with checkpoint.every_steps=0, would keep the log for ever.
absl::Status TableHolder::ShortenLog(const std::string& path) {
  PMOE_ASSIGN_OR_RETURN(const int64_t bytes, LogBytes(dir_));
  if (bytes <= kLongLogs * LongLog()) return absl::OkStatus();
  PMOE_RETURN_IF_ERROR(CheckBlocks(path));
  PMOE_ASSIGN_OR_RETURN(const TableHistory history, ReadHistory(path));
  return pmoe::PruneLog(dir_, history.log_position);
}

absl::StatusOr<std::string> TableHolder::SaveAside(const std::function<bool()>& stop) {
  PMOE_ASSIGN_OR_RETURN(ReplayShard* const shard, Shard());
  if (lockstep()) {
    return absl::FailedPreconditionError(
        "a lockstep run saves its tables itself, at the barriers that it can resume from");
  }
  MutexLock lock(&files_mu_);
  PMOE_ASSIGN_OR_RETURN(const std::vector<TableFiles::Found> files, files_.NewestFirst());
  const uint64_t number = TableFiles::NextNumber(files);
  std::string name = absl::StrCat(kAside, number);
  PMOE_ASSIGN_OR_RETURN(const std::string path, files_.Path(name));
  PMOE_RETURN_IF_ERROR(SaveAs(shard, path, stop));
  std::vector<std::string> keep = {name};
  for (const TableFiles::Found& file : files) {
    if (!absl::StartsWith(file.name, kAside)) keep.push_back(file.name);
  }
  PMOE_RETURN_IF_ERROR(files_.KeepOnly(keep));
  PMOE_RETURN_IF_ERROR(PruneLog());
  PMOE_RETURN_IF_ERROR(ShortenLog(path));
  return name;
}

int64_t TableHolder::LongLog() const {
  MutexLock lock(&mu_);
  return LongLogOf(FullSize(ShardOptions(request_)));
}

bool TableHolder::LogIsLong() const {
  const SegmentLog* const log = this->log();
  if (log == nullptr) return false;
  const SegmentLogStats stats = log->stats();
  // Behind records that were dropped nothing of the log is of use, until a checkpoint has them.
  if (stats.failing.empty() && stats.dropped > log_dropped_saved_) return true;
  return stats.bytes - log_bytes_saved_ > LongLog();
}

SegmentLog* TableHolder::log() const {
  MutexLock lock(&mu_);
  return log_.get();
}

// Lockstep restores by name, and its files are the same whoever wrote them.
absl::Status TableHolder::SaveAs(ReplayShard* shard, const std::string& path,
                                 const std::function<bool()>& stop) {
  if (lockstep()) return shard->Save(path);
  PMOE_ASSIGN_OR_RETURN(const std::vector<TableFiles::Found> files, files_.NewestFirst());
  return shard->Save(path, TableFiles::NextNumber(files), stop);
}

absl::StatusOr<int64_t> TableHolder::Save(const std::string& name, std::vector<std::string> keep) {
  PMOE_ASSIGN_OR_RETURN(ReplayShard* const shard, Shard());
  MutexLock lock(&files_mu_);
  PMOE_ASSIGN_OR_RETURN(const std::string path, files_.Path(name));
  PMOE_RETURN_IF_ERROR(SaveAs(shard, path));
  keep.push_back(name);
  PMOE_RETURN_IF_ERROR(files_.KeepOnly(keep));
  PMOE_RETURN_IF_ERROR(PruneLog());
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  if (error) return FileError("look at", path, error.value());
  return static_cast<int64_t>(bytes);
}

absl::Status TableHolder::SaveAtEnd() {
  ReplayShard* const shard = this->shard();
  if (shard == nullptr) return absl::OkStatus();
  // Not by a name of its own: each end of a shard would leave a table, and the log from there on.
  if (!lockstep()) return SaveAside().status();
  MutexLock lock(&files_mu_);
  PMOE_ASSIGN_OR_RETURN(const std::string path, files_.Path(absl::StrCat(shard->inserted())));
  return std::filesystem::exists(path) ? absl::OkStatus() : SaveAs(shard, path);
}

ReplayShard* TableHolder::Made() const {
  MutexLock lock(&mu_);
  return shard_.get();
}

void TableHolder::SetReady(bool ready) {
  MutexLock lock(&mu_);
  ready_ = ready;
}

ReplayShard* TableHolder::shard() const {
  MutexLock lock(&mu_);
  return ready_ ? shard_.get() : nullptr;
}

absl::StatusOr<ReplayShard*> TableHolder::Shard() const {
  ReplayShard* const shard = this->shard();
  if (shard != nullptr) return shard;
  return absl::UnavailableError("this shard has no table yet; its learner will make it");
}

bool TableHolder::limited() const {
  MutexLock lock(&mu_);
  return request_.has_limiter();
}

bool TableHolder::lockstep() const {
  MutexLock lock(&mu_);
  return request_.lockstep();
}

}  // namespace pmoe
