// The demonstrations of a cluster's run: a table "demos" on every shard, with that shard's part of
// the file (replay.demos), and the client that draws from it and from the run's own table. Used by
// the learner's thread only.
//
// Each shard has a part, so that a run of several draws demonstrations as it draws its own rows: as
// fast as all of them together, and from the others while one is away.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/rpc/address.h"
#include "proto/config.pb.h"
#include "replay/client/mixed_replay_client.h"
#include "replay/client/rpc_replay_client.h"

namespace pmoe {

class DemoTables {
 public:
  // `own`: what the run's own client was made with; the client outlives this.
  DemoTables(const RunConfig& config, const RpcReplayOptions& own, ReplayClient* client);

  // A shard is there, or has come back: makes its table, restores what `restore` names
  // (RpcReplayControl::CreateTable) and loads what is missing of its part. With `load` false it
  // stays as restored: a Restore by name follows.
  absl::Status OpenShard(int shard, const RpcAddress& address, absl::string_view restore,
                         bool load);

  ReplayClient* client() { return &mixed_; }

 private:
  absl::Status LoadMissing(int shard, const RpcAddress& address);

  const RunConfig config_;
  const RpcReplayOptions options_;
  uint64_t file_rows_ = 0;  // 0: not known yet
  RpcReplayClient demos_;
  MixedReplayClient mixed_;
};

}  // namespace pmoe
