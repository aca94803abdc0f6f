#include "cli/train/embedded_demos.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "replay/load/demos.h"
#include "replay/wire/table_name.h"
#include "replay/wire/table_request.h"
#include "run/run_directory.h"

namespace pmoe {

absl::StatusOr<std::unique_ptr<EmbeddedDemos>> EmbeddedDemos::Create(
    const RunConfig& config, const CreateTableRequest& own, const std::string& replay_folder,
    ReplayClient* client) {
  PMOE_ASSIGN_OR_RETURN(std::unique_ptr<ReplayShard> table,
                        ReplayShard::Create(ShardOptions(DemoTableFrom(own))));
  std::string folder = NamedTableFolder(replay_folder, kDemoTable);
  PMOE_RETURN_IF_ERROR(MakeDirs(folder));
  return std::unique_ptr<EmbeddedDemos>(
      new EmbeddedDemos(config, std::move(table), std::move(folder), client));
}

EmbeddedDemos::EmbeddedDemos(const RunConfig& config, std::unique_ptr<ReplayShard> table,
                             std::string folder, ReplayClient* own)
    : config_(config),
      table_(std::move(table)),
      folder_(std::move(folder)),
      demos_(table_.get(), DemoRows(config), folder_),
      mixed_(own, OwnRows(config), &demos_) {}

absl::Status EmbeddedDemos::Load() { return LoadDemos(config_, table_.get()); }

absl::Status EmbeddedDemos::RestoreNewest() {
  std::vector<uint64_t> tables = NumberedEntries(folder_, ".table");
  std::reverse(tables.begin(), tables.end());
  for (const uint64_t name : tables) {
    const absl::Status restored = demos_.Restore(absl::StrCat(name));
    if (!absl::IsDataLoss(restored)) return restored;
    Log(LogLevel::kWarning, "passed over a saved table of demonstrations: ", restored.message());
  }
  return Load();
}

}  // namespace pmoe
