// The ReplayControl of a run in one process: the shard itself, and a folder for its tables. Borrows
// the shard; used by the learner's thread only.
#pragma once

#include <string>

#include "replay/client/replay_control.h"
#include "replay/core/replay_shard.h"

namespace pmoe {

class DirectReplayControl : public ReplayControl {
 public:
  DirectReplayControl(ReplayShard* shard, std::string folder)
      : shard_(shard), folder_(std::move(folder)) {}

  absl::Status Commit(uint64_t round, std::chrono::milliseconds timeout) override;
  absl::StatusOr<ReplayStats> Stats() override;
  // <folder>/<name>.table
  absl::Status Save(absl::string_view name) override;
  absl::Status Restore(absl::string_view name) override;
  absl::Status KeepOnly(absl::string_view name) override;

 private:
  std::string File(absl::string_view name) const;

  ReplayShard* const shard_;
  const std::string folder_;
};

}  // namespace pmoe
