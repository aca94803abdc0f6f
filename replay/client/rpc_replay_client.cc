#include "replay/client/rpc_replay_client.h"

#include <memory>

#include "common/base/status_macros.h"

namespace pmoe {

RpcReplayClient::Source RpcReplayClient::MakeSource(const RpcReplayOptions& options, int batch_size,
                                                    int rows_behind) {
  if (options.table.has_on_policy()) return std::make_unique<RpcRolloutSource>(options);
  return std::make_unique<ShardedSampler>(options, batch_size, ShardedSampler::kLongWait,
                                          rows_behind);
}

RpcReplayClient::RpcReplayClient(const RpcReplayOptions& options, int batch_size, int rows_behind)
    : rows_(static_cast<size_t>(batch_size)),
      control_(options),
      source_(MakeSource(options, batch_size, rows_behind)) {}

absl::Status RpcReplayClient::OpenShard(int shard, const RpcAddress& address,
                                        absl::string_view restore) {
  PMOE_RETURN_IF_ERROR(MakeTable(shard, address, restore));
  // Not before: a source asks at once, and a shard without a table refuses it.
  Connect(shard, address);
  return absl::OkStatus();
}

absl::Status RpcReplayClient::MakeTable(int shard, const RpcAddress& address,
                                        absl::string_view restore) {
  control_.SetShardAddress(shard, address);
  return control_.CreateTable(shard, restore);
}

void RpcReplayClient::Connect(int shard, const RpcAddress& address) {
  if (auto* const sampler = std::get_if<std::unique_ptr<ShardedSampler>>(&source_)) {
    (*sampler)->SetAddress(shard, address);
  } else {
    std::get<std::unique_ptr<RpcRolloutSource>>(source_)->SetAddress(address);
  }
}

void RpcReplayClient::Expect(int64_t times) {
  if (auto* const sampler = std::get_if<std::unique_ptr<ShardedSampler>>(&source_)) {
    (*sampler)->Expect(times);
  }
}

void RpcReplayClient::OnPublish(uint64_t version) {
  control_.OnPublish(version);
  if (auto* const sampler = std::get_if<std::unique_ptr<ShardedSampler>>(&source_)) {
    (*sampler)->OnPublish(version);
  } else {
    std::get<std::unique_ptr<RpcRolloutSource>>(source_)->OnPublish(version);
  }
}

absl::Status RpcReplayClient::UpdatePriorities(absl::Span<const float> errors) {
  return control_.UpdatePriorities({last_->key(), rows_}, errors);
}

absl::StatusOr<Experience> RpcReplayClient::Next(const RolloutRequest& rollout,
                                                 std::chrono::milliseconds timeout) {
  if (auto* const sampler = std::get_if<std::unique_ptr<ShardedSampler>>(&source_)) {
    PMOE_ASSIGN_OR_RETURN(Minibatch* const batch, (*sampler)->Next(timeout));
    last_ = batch;
    return batch;
  }
  return std::get<std::unique_ptr<RpcRolloutSource>>(source_)->Take(rollout, timeout);
}

}  // namespace pmoe
