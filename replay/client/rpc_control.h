// The learner's unary calls to its shards, each with a deadline: tables, rounds, checkpoints,
// counts. A part of RpcReplayClient; used by the learner's thread only.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/rpc/address.h"
#include "common/rpc/security.h"
#include "proto/replay.grpc.pb.h"
#include "replay/client/replay_client.h"

namespace pmoe {

struct RpcReplayOptions {
  LearnerId learner;
  RpcSecurity security{};
  int shards = 1;
  CreateTableRequest table;  // of all shards together: TableFromConfig
  std::string seat_key;      // of the run
  int sequence_rows = 0;     // minibatches are of sequences of up to so many; 0: of rows
  // Nothing is drawn ahead of Expect, although the table is no lockstep one: one beside it.
  bool paced = false;

  absl::Status Validate() const;
};

class RpcReplayControl {
 public:
  explicit RpcReplayControl(RpcReplayOptions options);

  // Before any call to that shard, and whenever it moves.
  void SetShardAddress(int shard, const RpcAddress& address);
  // Makes the shard's table, or checks that the one it has is the same, and loads what `restore`
  // names: a checkpoint, "newest" (into a table that is new), or "".
  absl::Status CreateTable(int shard, absl::string_view restore);
  // Rows of files that the shard said to have loaded, ever, when it last said how many.
  int64_t loaded(int shard) const { return shards_[static_cast<size_t>(shard)].loaded; }
  // A life of an actor that is gone. Every shard is told; the first error is returned.
  absl::Status CutActor(uint32_t member, uint32_t actor, uint32_t epoch);

  // ReplayClient::OnPublish: every later call says so.
  void OnPublish(uint64_t version) { newest_version_ = std::max(newest_version_, version); }
  absl::Status Commit(uint64_t round, std::chrono::milliseconds timeout);
  // Of the one shard that a table with priorities has.
  absl::Status UpdatePriorities(absl::Span<const RowKey> rows, absl::Span<const float> errors);
  // Of all shards. One that is away counts as it was last seen; UnavailableError when all are.
  absl::StatusOr<ReplayStats> Stats();
  // On every shard; of what was saved before, what KeepOnly or Restore named stays.
  absl::Status Save(absl::string_view name);
  absl::Status Restore(absl::string_view name);
  // The others go with the next Save: until then nothing rests on one file alone.
  absl::Status KeepOnly(const std::vector<std::string>& names);

 private:
  struct Shard {
    std::string name = "no address";  // "replay 0 at unix:/tmp/r"
    std::unique_ptr<ReplayService::Stub> stub;
    int64_t size = 0;
    int64_t inserted = 0;  // as the shard counts; fewer after a restart
    int64_t loaded = 0;
    int64_t lost = 0;  // inserted by earlier lives of the shard and not restored
    std::string limiter;
  };

  CreateTableRequest TableRequest(int shard, absl::string_view restore) const;
  // Returns the error under the shard's name.
  template <typename Request, typename Reply>
  absl::Status Call(const Shard& shard, std::chrono::milliseconds timeout,
                    grpc::Status (ReplayService::Stub::*method)(grpc::ClientContext*,
                                                                const Request&, Reply*),
                    const Request& request, Reply* reply) const;
  // Numbers that make no sense are refused: the shard counts as it was.
  static void Count(const TableStats& stats, Shard* shard);

  const RpcReplayOptions options_;
  std::vector<Shard> shards_;
  uint64_t newest_version_ = 0;    // published
  std::vector<std::string> keep_;  // saved tables that a Save must leave
};

}  // namespace pmoe
