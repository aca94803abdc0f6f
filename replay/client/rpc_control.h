// The ReplayControl of a cluster: the learner's unary calls to its shards, each with a deadline.
// Used by the learner's thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/rpc/address.h"
#include "common/rpc/security.h"
#include "proto/replay.grpc.pb.h"
#include "replay/client/replay_control.h"
#include "replay/core/chunk.h"
#include "replay/core/rate_limiter.h"
#include "replay/core/selectors/fifo_selector.h"

namespace pmoe {

struct RpcControlOptions {
  std::string run_id;
  uint64_t learner_epoch = 0;
  RpcSecurity security{};
  int shards = 1;
  TableSpec spec{};
  int64_t capacity = 1'000'000;  // transitions, of all shards together
  int64_t bytes_max = 0;         // of all shards together; 0: no limit
  int n_step = 1;
  double gamma = 0.99;
  uint64_t seed = 1;
  bool lockstep = false;  // of one shard only
  int actors = 1;         // lockstep
  uint64_t first_round = 0;
  std::optional<RateLimiterOptions> limiter;     // of all shards together
  std::optional<FifoOptions> on_policy;  // of one shard only, without a limiter

  absl::Status Validate() const;
};

class RpcReplayControl : public ReplayControl {
 public:
  explicit RpcReplayControl(RpcControlOptions options);

  // Before any call to that shard, and whenever it moves.
  void SetShardAddress(int shard, const RpcAddress& address);
  // Makes the shard's table, or checks that the one it has is the same, and loads what `restore`
  // names: a checkpoint, "newest" (into a table that is new), or "".
  absl::Status CreateTable(int shard, absl::string_view restore);
  // A life of an actor that is gone. Every shard is told; the first error is returned.
  absl::Status CutActor(uint32_t member, uint32_t actor, uint32_t epoch);

  absl::Status Commit(uint64_t round, std::chrono::milliseconds timeout) override;
  // Of all shards. One that is away counts as it was last seen; UnavailableError when all are.
  absl::StatusOr<ReplayStats> Stats() override;
  // On every shard; of what was saved before, the checkpoint that KeepOnly or Restore named stays.
  absl::Status Save(absl::string_view name) override;
  absl::Status Restore(absl::string_view name) override;
  // The others go with the next Save: until then nothing rests on one file alone.
  absl::Status KeepOnly(absl::string_view name) override;

 private:
  struct Shard {
    std::string name = "no address";  // "replay 0 at unix:/tmp/r"
    std::unique_ptr<ReplayService::Stub> stub;
    int64_t size = 0;
    int64_t inserted = 0;  // as the shard counts; fewer after a restart
    int64_t lost = 0;      // inserted by earlier lives of the shard and not restored
    std::string limiter;
  };

  LearnerId Learner() const;
  CreateTableRequest TableRequest(int shard, absl::string_view restore) const;
  // Returns the error under the shard's name.
  template <typename Request, typename Reply>
  absl::Status Call(const Shard& shard, std::chrono::milliseconds timeout,
                    grpc::Status (ReplayService::Stub::*method)(grpc::ClientContext*,
                                                                const Request&, Reply*),
                    const Request& request, Reply* reply) const;
  static void Count(const TableStats& stats, Shard* shard);

  const RpcControlOptions options_;
  std::vector<Shard> shards_;
  std::string keep_;  // checkpoint that a Save must leave; empty: none
};

}  // namespace pmoe
