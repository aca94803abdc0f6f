// The ReplayClient of a run in one process: the shard itself, and a folder for its tables. Borrows
// the shard; used by the learner's thread only.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "replay/client/replay_client.h"
#include "replay/core/replay_shard.h"

namespace pmoe {

struct DirectReplayOptions {
  int sequence_rows = 0;  // minibatches are of sequences of up to so many; 0: of rows
  int rows_behind = 0;    // of rows: room behind the shard's, which somebody else fills
};

class DirectReplayClient : public ReplayClient {
 public:
  // Minibatches have `batch_size` rows, or sequences. `folder`: see Save.
  DirectReplayClient(ReplayShard* shard, int batch_size, std::string folder,
                     DirectReplayOptions options = {});

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
  // What the shard fills of a minibatch.
  Minibatch* own() { return own_.has_value() ? &*own_ : &std::get<Minibatch>(next_); }
  std::string File(absl::string_view name) const;

  ReplayShard* const shard_;
  const std::string folder_;
  std::variant<Minibatch, Rollout> next_;  // what this shard gives
  std::optional<Minibatch> own_;           // with room behind its rows: those
};

}  // namespace pmoe
