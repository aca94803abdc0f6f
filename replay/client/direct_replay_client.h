// The ReplayClient of a run in one process: the shard itself, and a folder for its tables. Borrows
// the shard; used by the learner's thread only.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "replay/client/replay_client.h"
#include "replay/core/replay_shard.h"

namespace pmoe {

class DirectReplayClient : public ReplayClient {
 public:
  // Minibatches have `batch_size` rows, or so many sequences of up to `sequence_rows`. `folder`:
  // see Save.
  DirectReplayClient(ReplayShard* shard, int batch_size, std::string folder, int sequence_rows = 0);

  void Expect(int64_t) override {}  // nothing is drawn ahead
  absl::StatusOr<Experience> Next(const RolloutRequest& rollout,
                                  std::chrono::milliseconds timeout) override;
  absl::Status UpdatePriorities(absl::Span<const float> errors) override;
  void OnPublish(uint64_t version) override { shard_->SetPublished(version, /*now=*/true); }
  absl::Status Commit(uint64_t round, std::chrono::milliseconds timeout) override;
  absl::StatusOr<ReplayStats> Stats() override;
  // <folder>/<name>.table
  absl::Status Save(absl::string_view name) override;
  absl::Status Restore(absl::string_view name) override;
  // At once, with what a save that was cut off has left.
  absl::Status KeepOnly(const std::vector<std::string>& names) override;

 private:
  static std::variant<Minibatch, Rollout> MakeNext(const ReplayShard& shard,
                                                   const BatchShape& shape);
  std::string File(absl::string_view name) const;

  ReplayShard* const shard_;
  const std::string folder_;
  std::variant<Minibatch, Rollout> next_;  // what this shard gives
};

}  // namespace pmoe
