// What a saved table says of itself, beside its rows: which save it is, how far into the shard's
// log it reaches, what its writers lost, and the settings it was kept with. The first block of a
// file; runs whose tables are restored by name (lockstep) have none. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "replay/core/shard_types.h"

namespace pmoe {

struct SavedSetting {
  std::string name;  // as in a run's configuration
  double value = 0.0;

  bool operator==(const SavedSetting&) const = default;
};

struct TableHistory {
  uint64_t number = 0;        // of the save: the higher, the newer; 0: the file says none
  uint64_t log_position = 0;  // the first record of the log that the file does not hold
  std::vector<SavedSetting> settings{};
  std::string losses{};  // StreamBook::SaveLosses

  std::string Encode() const;
  // DataLossError for bytes that Encode did not write.
  static absl::StatusOr<TableHistory> Decode(absl::string_view bytes);
};

// Of a table, its selector and its limiter: those that may change from one life to the next.
std::vector<SavedSetting> SettingsOf(const ReplayShardOptions& options);
// "replay.capacity is 500, the saved table had 1000" for each that differs, for people.
std::vector<std::string> Differences(const std::vector<SavedSetting>& saved,
                                     const std::vector<SavedSetting>& now);

// Of the file, by its first block alone. DataLossError: no saved table.
absl::StatusOr<TableHistory> ReadHistory(const std::string& path);

}  // namespace pmoe
