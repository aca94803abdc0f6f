#include "replay/client/direct_control.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace pmoe {

namespace fs = std::filesystem;

std::string DirectReplayControl::File(absl::string_view name) const {
  return absl::StrCat(folder_, "/", name, ".table");
}

absl::Status DirectReplayControl::Commit(uint64_t round, std::chrono::milliseconds timeout) {
  PMOE_RETURN_IF_ERROR(shard_->WaitStaged(round, timeout));
  return shard_->Commit(round);
}

absl::StatusOr<ReplayStats> DirectReplayControl::Stats() {
  const ShardCounts counts = shard_->Counts();
  return ReplayStats{counts.size, counts.inserted, shard_->Explain()};
}

absl::Status DirectReplayControl::Save(absl::string_view name) { return shard_->Save(File(name)); }

absl::Status DirectReplayControl::Restore(absl::string_view name) {
  return shard_->Load(File(name));
}

absl::Status DirectReplayControl::KeepOnly(absl::string_view name) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, error)) {
    if (entry.path().extension() == ".table" && entry.path() != File(name)) {
      fs::remove(entry.path(), error);
    }
  }
  return absl::OkStatus();
}

}  // namespace pmoe
