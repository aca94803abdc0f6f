// The demonstrations of an embedded run: their table in this process, beside the run's own, and the
// client that draws from both. The loop's thread; reading counts: any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/config.pb.h"
#include "proto/replay.pb.h"
#include "replay/client/direct_replay_client.h"
#include "replay/client/mixed_replay_client.h"
#include "replay/core/replay_shard.h"

namespace pmoe {

class EmbeddedDemos {
 public:
  // Of a run with replay.demos, whose own table `own` describes and the client gives rows of, which
  // it must outlive. Tables are saved in replay_folder/tables/demos.
  static absl::StatusOr<std::unique_ptr<EmbeddedDemos>> Create(const RunConfig& config,
                                                               const CreateTableRequest& own,
                                                               const std::string& replay_folder,
                                                               ReplayClient* client);

  // A new run's: every row of the file.
  absl::Status Load();
  // Of a run that goes on without naming a checkpoint: the newest saved table that is whole, or the
  // file where there is none.
  absl::Status RestoreNewest();

  ReplayClient* client() { return &mixed_; }
  ShardStats Stats() const { return table_->Stats(); }

 private:
  EmbeddedDemos(const RunConfig& config, std::unique_ptr<ReplayShard> table, std::string folder,
                ReplayClient* own);

  const RunConfig config_;
  const std::unique_ptr<ReplayShard> table_;
  const std::string folder_;
  DirectReplayClient demos_;
  MixedReplayClient mixed_;
};

}  // namespace pmoe
