#include "replay/service/replay_verify.h"

#include <cerrno>
#include <cinttypes>
#include <filesystem>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "replay/core/journal_record.h"
#include "replay/core/replay_table.h"
#include "replay/core/table_history.h"
#include "replay/log/log_reader.h"
#include "replay/service/table_files.h"
#include "replay/wire/table_name.h"

namespace pmoe {
namespace {

// Every block's checksum, then every row's sense.
absl::StatusOr<ReplayTable> ReadWhole(const std::string& path) {
  PMOE_ASSIGN_OR_RETURN(const auto file, BlockFileReader::Open(path));
  for (uint32_t type = kShardBlock; type != kEndBlock;) {
    PMOE_ASSIGN_OR_RETURN(const BlockFileReader::Block block, file->Next());
    type = block.type;
  }
  return ReplayTable::FromFile(path);
}

// True: it is sound.
bool PrintTable(const std::string& path, std::FILE* out) {
  const absl::StatusOr<ReplayTable> table = ReadWhole(path);
  if (!table.ok()) {
    std::fprintf(out, "%s: DAMAGED: %s\n", path.c_str(),
                 std::string(table.status().message()).c_str());
    return false;
  }
  const absl::StatusOr<TableHistory> history = ReadHistory(path);
  int64_t loaded = 0;
  table->VisitSteps([&](const StoredStep& row) { loaded += row.actor == StreamBook::kLoader; });
  std::fprintf(out, "%s: sound, %" PRId64 " rows held of %" PRId64 " inserted", path.c_str(),
               table->size() - loaded, table->inserted());
  if (loaded > 0) std::fprintf(out, ", and %" PRId64 " of files", loaded);
  if (history.ok() && history->number > 0) {
    std::fprintf(out, ", save %" PRIu64 ", log from record %" PRIu64, history->number,
                 history->log_position);
  }
  std::fputs("\n", out);
  return true;
}

// True: it is sound, or there is none. A torn end is what a kill leaves.
absl::StatusOr<bool> PrintLog(const std::string& dir, std::optional<uint64_t> from,
                              std::FILE* out) {
  int64_t rows = 0;
  int64_t lost = 0;
  PMOE_ASSIGN_OR_RETURN(
      const LogScan scan,
      ReadLog(dir, from,
              {.record =
                   [&rows](uint64_t, absl::string_view, absl::string_view record) {
                     rows += RowsOfRecord(record);
                     return absl::OkStatus();
                   },
               .lost = [&lost](absl::string_view record) { lost += RowsOfRecord(record); }}));
  if (scan.records > 0 || scan.torn_bytes > 0 || !scan.damage.empty()) {
    std::fprintf(out, "log: records %" PRIu64 " to %" PRIu64 " with %" PRId64 " rows%s\n",
                 scan.begin, scan.end, rows, from.has_value() ? " after the newest table" : "");
  }
  if (scan.torn_bytes > 0) {
    std::fprintf(out, "log: %" PRIu64 " bytes of a write that was cut off\n", scan.torn_bytes);
  }
  if (scan.damage.empty()) return true;
  std::fprintf(out, "log: DAMAGED: %s; %" PRIu64 " records with %" PRId64 " rows behind it\n",
               scan.damage.c_str(), scan.lost_records, lost);
  return false;
}

// The tables and the log of one folder. True: all is sound.
absl::StatusOr<bool> PrintFolder(const std::string& path, std::FILE* out) {
  bool sound = true;
  const TableFiles files(path);
  PMOE_ASSIGN_OR_RETURN(const std::vector<TableFiles::Found> found, files.NewestFirst());
  std::optional<uint64_t> from;
  for (const TableFiles::Found& file : found) {
    PMOE_ASSIGN_OR_RETURN(const std::string table, files.Path(file.name));
    const bool is_sound = PrintTable(table, out);
    if (is_sound && !from.has_value()) from = file.log_position;
    sound = sound && is_sound;
  }
  PMOE_ASSIGN_OR_RETURN(const bool log, PrintLog(path, from, out));
  if (found.empty()) std::fputs("no saved table\n", out);
  return sound && log;
}

absl::Status Flush(std::FILE* out) {
  if (std::fflush(out) == 0 && std::ferror(out) == 0) return absl::OkStatus();
  return FileError("write", "what was found", errno);
}

}  // namespace

absl::Status VerifyReplay(const std::string& path, std::FILE* out) {
  bool sound = true;
  if (!std::filesystem::is_directory(path)) {
    sound = PrintTable(path, out);
  } else {
    PMOE_ASSIGN_OR_RETURN(sound, PrintFolder(path, out));
    for (const std::string& name : NamedTablesIn(path)) {
      std::fprintf(out, "table %s:\n", name.c_str());
      PMOE_ASSIGN_OR_RETURN(const bool is_sound, PrintFolder(NamedTableFolder(path, name), out));
      sound = sound && is_sound;
    }
  }
  PMOE_RETURN_IF_ERROR(Flush(out));
  if (sound) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      path, " is damaged; a restore takes the newest table that is sound, and the log after it"));
}

}  // namespace pmoe
