#include "replay/core/table_history.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/status_macros.h"
#include "replay/core/block_file.h"

namespace pmoe {

std::string TableHistory::Encode() const {
  ByteWriter out;
  out.Pod(number);
  out.Pod(log_position);
  out.Pod(static_cast<uint64_t>(settings.size()));
  for (const SavedSetting& setting : settings) {
    out.String(setting.name);
    out.Pod(setting.value);
  }
  out.String(losses);
  return out.Take();
}

absl::StatusOr<TableHistory> TableHistory::Decode(absl::string_view bytes) {
  TableHistory history;
  ByteReader in(bytes);
  uint64_t settings = 0;
  in.Pod(&history.number);
  in.Pod(&history.log_position);
  in.Pod(&settings);
  for (uint64_t i = 0; i < settings && in.ok(); ++i) {
    SavedSetting setting;
    in.String(&setting.name);
    in.Pod(&setting.value);
    history.settings.push_back(std::move(setting));
  }
  in.String(&history.losses);
  PMOE_RETURN_IF_ERROR(in.Finish("the history block"));
  return history;
}

std::vector<SavedSetting> SettingsOf(const ReplayShardOptions& options) {
  std::vector<SavedSetting> settings;
  if (const std::optional<FifoOptions>& fifo = options.table.fifo; fifo.has_value()) {
    settings.push_back({"schedule.steps_per_round", static_cast<double>(fifo->rollout_steps)});
    settings.push_back({"rollouts that an actor may be ahead", static_cast<double>(fifo->max_lag)});
    return settings;
  }
  settings.push_back({"replay.capacity", static_cast<double>(options.table.capacity)});
  settings.push_back({"replay.bytes_max", static_cast<double>(options.table.bytes_max)});
  settings.push_back({"learner.gamma", options.table.gamma});
  if (!options.gate.limiter.has_value()) return settings;
  const RateLimiterOptions& limiter = *options.gate.limiter;
  settings.push_back({"schedule.update_after", static_cast<double>(limiter.min_size)});
  settings.push_back({"samples per insert", limiter.samples_per_insert});
  settings.push_back({"the limiter's window", limiter.Window()});
  return settings;
}

std::vector<std::string> Differences(const std::vector<SavedSetting>& saved,
                                     const std::vector<SavedSetting>& now) {
  std::vector<std::string> differences;
  for (const SavedSetting& had : saved) {
    const auto has = std::find_if(now.begin(), now.end(), [&had](const SavedSetting& setting) {
      return setting.name == had.name;
    });
    if (has == now.end() || *has == had) continue;
    differences.push_back(
        absl::StrCat(had.name, " is ", has->value, ", the saved table had ", had.value));
  }
  return differences;
}

absl::StatusOr<TableHistory> ReadHistory(const std::string& path) {
  PMOE_ASSIGN_OR_RETURN(const auto file, BlockFileReader::Open(path));
  PMOE_ASSIGN_OR_RETURN(const BlockFileReader::Block block, file->Next());
  if (block.type == kShardBlock) return TableHistory();  // of a version before November 2026
  if (block.type != kHistoryBlock) return file->Bad("begins with no block of a saved shard");
  return TableHistory::Decode(block.payload);
}

}  // namespace pmoe
