// A replay shard's real server on a unix socket of the test's own, and calls to it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/rpc/channel.h"
#include "common/rpc/rpc_status.h"
#include "common/rpc/server.h"
#include "common/tls/seat_key.h"
#include "proto/replay.grpc.pb.h"
#include "proto/run.pb.h"
#include "replay/client/rpc_control.h"
#include "replay/service/replay_service.h"
#include "tests/replay/replay_testing.h"
#include "tests/testing/eventually.h"

namespace pmoe {

inline constexpr TableSpec kServedSpec{.obs_dim = 2, .action_dim = 1};
inline constexpr std::chrono::seconds kCallMax{20};  // ends a test that would hang

inline LearnerId Learner(uint64_t epoch = 1, const std::string& run = "run-a") {
  LearnerId learner;
  learner.set_run_id(run);
  learner.set_learner_epoch(epoch);
  return learner;
}

// As a run with this key signs it.
inline std::string SeatSignature(uint32_t actor, uint32_t epoch, const std::string& run = "run-a",
                                 const std::string& key = "") {
  return SeatKey(key).Sign({run, RUN_ROLE_ACTOR, actor, epoch});
}

inline CreateTableRequest TableRequest() {
  CreateTableRequest request;
  *request.mutable_learner() = Learner();
  request.mutable_columns()->set_obs_dim(kServedSpec.obs_dim);
  request.mutable_columns()->set_action_dim(kServedSpec.action_dim);
  request.set_capacity(10'000);
  request.set_n_step(1);
  request.set_gamma(0.99);
  request.set_seed(1);
  return request;
}

inline TablePriorities SomePriorities() {
  TablePriorities priorities;
  priorities.set_alpha(0.6);
  priorities.set_beta(0.4);
  priorities.set_beta_end(1.0);
  priorities.set_beta_rows(1000);
  priorities.set_update_rows_max(64);
  return priorities;
}

// With a window of one chunk: inserts of 64 and samples of 16 alternate.
inline CreateTableRequest LimitedTableRequest() {
  CreateTableRequest request = TableRequest();
  request.mutable_limiter()->set_min_size(1);
  request.mutable_limiter()->set_samples_per_insert(1.0);
  request.mutable_limiter()->set_error_window(64.0);
  request.mutable_limiter()->set_sample_max(16);
  return request;
}

// A learner's side of such tables.
inline RpcReplayOptions ServedOptions(int shards = 1) {
  RpcReplayOptions options;
  options.learner = Learner();
  options.shards = shards;
  options.table = TableRequest();
  options.table.clear_learner();
  return options;
}

// Chunk `seq` of a writer whose chunks all have `rows` rows of one environment.
inline Chunk RowsOf(uint64_t seq, uint32_t rows, uint32_t epoch = 0, uint32_t actor = 0) {
  return MakeChunk(
      kServedSpec,
      {.actor = actor, .epoch = epoch, .seq = seq, .first_step = seq * rows, .rows = rows});
}

// A served shard over a folder, which it makes; ends in the order of the process's own main.
class ServedShard {
 public:
  explicit ServedShard(const std::string& dir, const std::string& socket = "s")
      : service_(std::make_unique<ReplayServer>(dir)) {
    std::filesystem::create_directories(dir);
    const auto address = ParseRpcAddress("unix:" + dir + "/" + socket, "--listen");
    PMOE_CHECK(address.ok());
    auto server = RpcServer::Start(*address, {service_.get()}, {});
    PMOE_CHECK(server.ok());
    server_ = *std::move(server);
  }
  ~ServedShard() { Stop(); }

  void Stop() { server_->Stop(std::chrono::milliseconds(0)); }
  const RpcAddress& address() const { return server_->address(); }
  ReplayServer* service() { return service_.get(); }
  std::unique_ptr<ReplayService::Stub> Connect() const {
    return ReplayService::NewStub(MakeChannel(server_->address(), PeerRole::kReplay, {}));
  }

 private:
  std::unique_ptr<ReplayServer> service_;
  std::unique_ptr<RpcServer> server_;
};

inline absl::StatusOr<CreateTableReply> CreateTable(ReplayService::Stub* stub,
                                                    const CreateTableRequest& request) {
  grpc::ClientContext context;
  SetDeadline(&context, kCallMax);
  CreateTableReply reply;
  const absl::Status status = FromGrpc(stub->CreateTable(&context, request, &reply));
  if (!status.ok()) return status;
  return reply;
}

// By a learner's call.
inline void CreateTable(const RpcReplayOptions& options, const RpcAddress& address, int shard = 0,
                        const std::string& restore = "") {
  RpcReplayControl control(options);
  control.SetShardAddress(shard, address);
  ASSERT_OK(control.CreateTable(shard, restore));
}

inline absl::Status Checkpoint(ReplayService::Stub* stub, const std::string& name,
                               std::vector<std::string> keep = {}) {
  grpc::ClientContext context;
  SetDeadline(&context, kCallMax);
  CheckpointRequest request;
  CheckpointReply reply;
  *request.mutable_learner() = Learner();
  request.set_name(name);
  for (const std::string& each : keep) request.add_keep(each);
  return FromGrpc(stub->Checkpoint(&context, request, &reply));
}

// Waits until the shard's counts are as wanted; every wait of a test has this deadline.
template <typename Wanted>
bool Await(ReplayServer* service, Wanted wanted) {
  return Eventually([&] { return wanted(service->Counts()); }, kCallMax);
}

}  // namespace pmoe
