// The ReplayClient of a cluster: calls to every shard (RpcReplayControl), and the one source that
// the run's tables have, minibatches (ShardedSampler) or rollouts (RpcRolloutSource). Used by the
// learner's thread only.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "replay/client/replay_client.h"
#include "replay/client/rpc_control.h"
#include "replay/client/rpc_rollout_source.h"
#include "replay/client/sharded_sampler.h"

namespace pmoe {

class RpcReplayClient : public ReplayClient {
 public:
  // Minibatches have `batch_size` rows, or sequences (RpcReplayOptions.sequence_rows), and behind
  // them room for rows_behind that somebody else fills.
  RpcReplayClient(const RpcReplayOptions& options, int batch_size, int rows_behind = 0);

  // A shard is there, or has moved or come back: makes its table, or checks that the one it has is
  // the same, and loads what `restore` names (RpcReplayControl::CreateTable).
  absl::Status OpenShard(int shard, const RpcAddress& address, absl::string_view restore);
  // Its two steps, for what must come between them: the table, and the source's way to it.
  absl::Status MakeTable(int shard, const RpcAddress& address, absl::string_view restore);
  void Connect(int shard, const RpcAddress& address);
  // RpcReplayControl::CutActor.
  absl::Status CutActor(uint32_t member, uint32_t actor, uint32_t epoch) {
    return control_.CutActor(member, actor, epoch);
  }

  // Rows of files that the shard said to have loaded, ever, when its table was made.
  int64_t loaded(int shard) const { return control_.loaded(shard); }

  void Expect(int64_t times) override;
  absl::StatusOr<Experience> Next(const RolloutRequest& rollout,
                                  std::chrono::milliseconds timeout) override;
  absl::Status UpdatePriorities(absl::Span<const float> errors) override;
  void OnPublish(uint64_t version) override;
  absl::Status Commit(uint64_t round, std::chrono::milliseconds timeout) override {
    return control_.Commit(round, timeout);
  }
  absl::StatusOr<ReplayStats> Stats() override { return control_.Stats(); }
  absl::Status Save(absl::string_view name) override { return control_.Save(name); }
  absl::Status Restore(absl::string_view name) override { return control_.Restore(name); }
  absl::Status KeepOnly(const std::vector<std::string>& names) override {
    return control_.KeepOnly(names);
  }

 private:
  using Source = std::variant<std::unique_ptr<ShardedSampler>, std::unique_ptr<RpcRolloutSource>>;
  static Source MakeSource(const RpcReplayOptions& options, int batch_size, int rows_behind);

  const size_t rows_;  // of a minibatch, without those behind
  RpcReplayControl control_;
  Source source_;                    // never null
  const Minibatch* last_ = nullptr;  // of Next
};

}  // namespace pmoe
