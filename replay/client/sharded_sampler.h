// The learner's minibatches over gRPC, of rows or with RpcReplayOptions.sequence_rows of sequences,
// from one shard or from several as if they were one. Draws up
// to four ahead, within what Expect allows. Used by the learner's thread only; owns two threads a
// shard.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/rpc/address.h"
#include "replay/client/rpc_control.h"
#include "replay/client/sample_board.h"
#include "replay/client/sample_link.h"

namespace pmoe {

class ShardedSampler {
 public:
  // After so long the shard's limiter is asked whether it is the reason, and again as often.
  static constexpr std::chrono::milliseconds kLongWait{5000};

  // The options must be valid. Minibatches have batch_size rows, or sequences, and behind them room
  // for rows_behind.
  ShardedSampler(const RpcReplayOptions& options, int batch_size,
                 std::chrono::milliseconds long_wait = kLongWait, int rows_behind = 0);

  // Where a shard is, first and whenever it moves. After its table was made.
  void SetAddress(int shard, const RpcAddress& address);

  // As in ReplayClient.
  void OnPublish(uint64_t version) { board_.OnPublish(version); }
  void Expect(int64_t batches);
  // The next minibatch, owned by the sampler and valid until the call after. A shard that is away
  // is waited for, as DeadlineExceededError. FailedPreconditionError (another learner or run has
  // the shard), DataLossError (a damaged reply) and, in lockstep, AbortedError (a connection was
  // lost with minibatches under way) are final.
  absl::StatusOr<Minibatch*> Next(std::chrono::milliseconds timeout);

 private:
  absl::Status Explain(std::chrono::milliseconds timeout);

  const bool single_;
  const std::chrono::milliseconds long_wait_;
  SampleBoard board_;
  std::vector<std::unique_ptr<SampleLink>> links_;  // ended before the board
  std::optional<Clock::Time> waits_since_;          // of the minibatch that Next wants
  Clock::Time asked_limiter_{};
  std::string limiter_;
};

}  // namespace pmoe
