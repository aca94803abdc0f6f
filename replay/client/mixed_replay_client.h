// A run's replay with a second table beside its own, from which each minibatch gets its last rows:
// demonstrations. Env steps, rounds and limits are the run's own table's alone; checkpoints are of
// both, under one name. Borrows both clients; used by the learner's thread only.
#pragma once

#include <string>
#include <vector>

#include "replay/client/replay_client.h"

namespace pmoe {

class MixedReplayClient : public ReplayClient {
 public:
  // `own` gives minibatches with room for the rows of one of `demos` behind its own `own_rows`.
  // Both are prioritized, or neither.
  MixedReplayClient(ReplayClient* own, int own_rows, ReplayClient* demos)
      : own_(own), own_rows_(own_rows), demos_(demos) {}

  void Expect(int64_t times) override;
  absl::StatusOr<Experience> Next(const RolloutRequest& rollout,
                                  std::chrono::milliseconds timeout) override;
  // Each row's error goes to the table that gave it.
  absl::Status UpdatePriorities(absl::Span<const float> errors) override;
  // Rows of files are of no policy of the run.
  void OnPublish(uint64_t version) override;
  absl::Status Commit(uint64_t round, std::chrono::milliseconds timeout) override;
  absl::StatusOr<ReplayStats> Stats() override { return own_->Stats(); }
  absl::Status Save(absl::string_view name) override;
  absl::Status Restore(absl::string_view name) override;
  absl::Status KeepOnly(const std::vector<std::string>& names) override;

 private:
  ReplayClient* const own_;
  const int own_rows_;
  ReplayClient* const demos_;
  Minibatch* begun_ = nullptr;  // has its own rows, and waits for the others
};

}  // namespace pmoe
