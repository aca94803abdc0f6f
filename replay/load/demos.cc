#include "replay/load/demos.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "replay/core/stream_book.h"
#include "replay/load/check_rows.h"
#include "replay/load/load_sender.h"
#include "replay/load/row_chunks.h"
#include "replay/load/row_source.h"

namespace pmoe {
namespace {

const std::atomic<bool> kNever{false};
constexpr std::chrono::minutes kLoadMax{10};  // the learner waits, and with it the run

// Whatever is wrong with the file is the user's to mend; under the names of the settings.
absl::Status OfFile(const RunConfig& config, const absl::Status& status) {
  const std::string& path = config.replay().demos();
  const bool named = absl::StrContains(status.message(), path);
  return absl::InvalidArgumentError(absl::StrCat(
      "replay.demos: ", named ? "" : absl::StrCat(path, ": "),
      absl::StrReplaceAll(status.message(), {{"--actions ", "replay.demo_actions "}})));
}

absl::StatusOr<std::unique_ptr<RowSource>> Open(const RunConfig& config) {
  const absl::StatusOr<ActionRange> actions = ActionRange::Parse(config.replay().demo_actions());
  if (!actions.ok()) {
    return absl::InvalidArgumentError(
        absl::StrReplaceAll(actions.status().message(), {{"--actions ", "replay.demo_actions "}}));
  }
  absl::StatusOr<std::unique_ptr<RowSource>> source = OpenRows(config.replay().demos(), *actions);
  if (!source.ok()) return OfFile(config, source.status());
  return source;
}

absl::Status CheckColumns(const TableSpec& file, const TableSpec& run) {
  const auto differs = [](absl::string_view array, int has, int wants) {
    return absl::InvalidArgumentError(absl::StrCat(array, " have ", has,
                                                   " columns, the run's task has ", wants,
                                                   "; take a file of the same task"));
  };
  if (file.obs_dim != run.obs_dim) return differs("observations", file.obs_dim, run.obs_dim);
  if (file.action_dim != run.action_dim) {
    return differs("actions", file.action_dim, run.action_dim);
  }
  if (file.extra_dim != run.extra_dim) return differs("extra", file.extra_dim, run.extra_dim);
  return absl::OkStatus();
}

// Its rows.
absl::StatusOr<uint64_t> CheckSource(const RunConfig& config,
                                     const std::optional<TableSpec>& columns, RowSource* source) {
  if (columns.has_value()) PMOE_RETURN_IF_ERROR(CheckColumns(source->spec(), *columns));
  PMOE_ASSIGN_OR_RETURN(const uint64_t rows, CheckRows(source, kNever));
  if (rows <= static_cast<uint64_t>(config.replay().capacity())) return rows;
  return absl::InvalidArgumentError(absl::StrCat(
      "it has ", rows, " rows, more than replay.capacity ", config.replay().capacity(),
      ", which its table has too; give --set replay.capacity=", rows, " or take fewer rows"));
}

// Enters chunks of a file into a table of this process.
class DirectLoad {
 public:
  explicit DirectLoad(ReplayShard* table) : table_(table) {}
  absl::Status Take(Chunk chunk) {
    if (chunk.first_step > next_step_) EndStream();
    next_step_ = chunk.first_step + chunk.rows;
    return table_->InsertLoaded(std::move(chunk));
  }
  void EndStream() { table_->CutActor(/*member=*/0, StreamBook::kLoader, /*epoch=*/0); }

 private:
  ReplayShard* const table_;
  uint64_t next_step_ = 0;
};

}  // namespace

absl::Status CheckDemos(const RunConfig& config, const std::optional<TableSpec>& columns) {
  if (config.replay().demos().empty()) return absl::OkStatus();
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<RowSource> source, Open(config));
  const absl::Status checked = CheckSource(config, columns, source.get()).status();
  return checked.ok() ? checked : OfFile(config, checked);
}

absl::Status LoadDemos(const RunConfig& config, ReplayShard* table) {
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<RowSource> source, Open(config));
  const absl::Status checked = CheckSource(config, table->spec(), source.get()).status();
  if (!checked.ok()) return OfFile(config, checked);
  DirectLoad load(table);
  RowChunks chunks(source->spec(), [&load](Chunk chunk) { return load.Take(std::move(chunk)); });
  absl::Status loaded =
      source->Visit([&chunks](const SourceRow& row) { return chunks.Add(row); }).status();
  if (loaded.ok()) loaded = chunks.Flush();
  load.EndStream();
  if (!loaded.ok()) return OfFile(config, loaded);
  Log(LogLevel::kInfo, "demonstrations: ", table->size(), " rows of ", config.replay().demos());
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> SendDemos(const RunConfig& config, const DemoPart& part,
                                   const LoadHello& hello, const RpcAddress& shard,
                                   const RpcSecurity& security) {
  const auto range = [&part](uint64_t rows) {
    const auto bound = [&](int at) {
      return rows * static_cast<uint64_t>(at) / static_cast<uint64_t>(part.shards);
    };
    const auto have = static_cast<uint64_t>(std::max<int64_t>(part.have, 0));
    return std::pair(bound(part.shard) + have, bound(part.shard + 1));
  };
  if (const auto [begin, end] = range(part.rows); part.rows > 0 && begin >= end) return part.rows;
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<RowSource> source, Open(config));
  const absl::StatusOr<uint64_t> rows = CheckSource(config, std::nullopt, source.get());
  if (!rows.ok()) return OfFile(config, rows.status());
  const auto [begin, end] = range(*rows);
  if (begin >= end) return *rows;
  LoadSender sender(source->spec(), hello, shard, security, kLoadMax);
  uint64_t row_number = 0;
  absl::Status sent = source
                          ->Visit([&, begin = begin, end = end](const SourceRow& row) {
                            const uint64_t at = row_number++;
                            return at >= begin && at < end ? sender.Add(row) : absl::OkStatus();
                          })
                          .status();
  if (sent.ok()) sent = sender.Flush();
  PMOE_ASSIGN_OR_RETURN(const LoadReply reply, sender.Finish());
  PMOE_RETURN_IF_ERROR(sent);
  Log(LogLevel::kInfo, "demonstrations: ", reply.rows(), " rows of ", config.replay().demos(),
      part.shards == 1 ? "" : absl::StrCat(" to replay ", part.shard));
  return *rows;
}

}  // namespace pmoe
