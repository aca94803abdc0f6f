// `pmoe-learner`: the training loop of a cluster. Serves the control plane, waits for an
// environment and the replay shards, then runs the same loop as the embedded run over gRPC, and
// looks after members that come and go. Used by the main thread; owns the server.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/process_usage.h"
#include "common/config/run_config.h"
#include "common/metrics/exporter.h"
#include "common/metrics/process_metrics.h"
#include "common/rpc/server.h"
#include "control/core/evaluation_backlog.h"
#include "control/service/run_hub.h"
#include "control/service/run_service.h"
#include "control/service/version_mark.h"
#include "control/wire/run_resources.h"
#include "control/wire/usage.h"
#include "learner/demo_tables.h"
#include "learner/member_notes.h"
#include "replay/client/rpc_replay_client.h"
#include "run/learner.h"
#include "run/run_directory.h"
#include "run/run_judge.h"
#include "run/run_parts.h"

namespace pmoe {

class ClusterRun {
 public:
  // Listens at once, so that members can join. `config` is resolved; `metrics`: host:port of
  // /metrics, empty for none; `allow_other_env`: members may bring another task than the run's.
  static absl::StatusOr<std::unique_ptr<ClusterRun>> Create(
      const RunConfig& config, const RunDirectory* directory, const RpcSecurity& security,
      const RpcAddress& listen, const std::string& metrics, bool allow_other_env);

  // As it is now; any thread.
  RunStatus Status() const { return hub_.Status(); }
  const RpcAddress& address() const { return server_->address(); }

  // Waits until an environment and every shard are there, then makes the learner and the loop.
  // CancelledError once *interrupted.
  absl::Status Prepare(bool resume, const std::atomic<bool>& interrupted);
  // Trains to the last step, or until *interrupted, and leaves a checkpoint either way; a finished
  // run is told to everybody.
  absl::Status Train(const std::atomic<bool>& interrupted);

  uint64_t env_steps() const { return run_->env_steps(); }
  uint64_t total_steps() const { return run_->total_steps(); }
  // "MuJoCo 3.6.0", of the actors.
  std::string simulator() const { return env_.simulator(); }

 private:
  ClusterRun(const RunConfig& config, const RunDirectory* directory, const RpcSecurity& security,
             RunHubOptions hub, RunStatus status);
  absl::Status AwaitMembers(const std::atomic<bool>& interrupted);
  std::string Missing() const;
  absl::Status KeepEnv();
  absl::Status MakeParts(bool resume, const std::atomic<bool>& interrupted);
  RpcReplayOptions ReplayOptions() const;
  ReplayClient* replay_client() {
    return demos_ == nullptr ? static_cast<ReplayClient*>(replay_.get()) : demos_->client();
  }
  absl::Status Tick(const RunView& view);
  absl::Status TendShards();
  absl::Status TendShard(size_t index, const RunHub::ShardSeat& seat);
  void AssignTables();
  void NoteMembers(const RunStatus& now, uint64_t env_steps);
  // load_demos: what its table of demonstrations lacks, from the file.
  absl::Status OpenShard(size_t index, const RunHub::ShardSeat& seat, absl::string_view restore,
                         bool load_demos);
  // As it begins: waits, for a bounded time, for one that has joined and does not answer yet.
  absl::Status OpenShardInTime(size_t index, absl::string_view restore, bool load_demos,
                               const std::atomic<bool>& interrupted);
  bool ShardsAreHere() const;
  void ShowStatus(const RunView& view);
  void ShowUse(const RunStatus& now, RunMeter* meter);
  void Export(const RunView& view, const RunStatus& members);
  void ExportMeter(const RunMeter& meter);
  void ExportProcess();
  void ExportMembers(const RunStatus& members);
  bool lockstep() const { return IsLockstep(config_); }

  const RunConfig config_;
  const RunDirectory* const directory_;
  const RpcSecurity security_;
  const RunHubOptions hub_options_;
  RunStatus status_;
  VersionMark versions_;
  EvaluationBacklog backlog_;
  RunHub hub_;
  RunServiceImpl service_;
  std::unique_ptr<RpcServer> server_;
  std::unique_ptr<MetricsExporter> exporter_;  // null: none
  MemberNotes member_notes_;
  EnvSpecMessage env_;
  std::unique_ptr<Learner> learner_;
  CreateTableRequest table_;  // of all shards together
  std::unique_ptr<RpcReplayClient> replay_;
  std::unique_ptr<DemoTables> demos_;      // null: none
  std::vector<RunHub::ShardSeat> shards_;  // as they were when their table was made
  std::unique_ptr<TrainingRun> run_;
  ProcessMeter meter_;
  GpuMeter gpus_;
  RunJudge judge_;
  RunResources resources_;
  ProcessMetrics process_;
  Stopwatch uptime_;
  Stopwatch since_status_;
};

}  // namespace pmoe
