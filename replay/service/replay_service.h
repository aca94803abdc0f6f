// ReplayService of proto/replay.proto over one ReplayShard: who may call, one table, writers'
// streams, minibatches, checkpoints, and an orderly end. Thread-safe; gRPC calls it from many
// threads. Outlives its server.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/rpc/first_message.h"
#include "proto/replay.grpc.pb.h"
#include "replay/core/shard_types.h"
#include "replay/service/insert_door.h"
#include "replay/service/insert_streams.h"
#include "replay/service/learner_fence.h"
#include "replay/service/table_holder.h"

namespace pmoe {

class ReplayServer final : public ReplayService::Service {
 public:
  // Checkpoints lie in `dir`, which exists.
  explicit ReplayServer(std::string dir) : holder_(std::move(dir)) {}

  // The run that this shard joined; calls of another one are refused.
  void AdoptRun(const std::string& run_id) { fence_.AdoptRun(run_id); }
  // Tells writers to leave, ends waits, and gives streams `grace` to end. Then stop the server and
  // call SaveAtEnd, so that nothing is acknowledged that the file does not hold.
  void Drain(std::chrono::milliseconds grace);
  absl::Status SaveAtEnd() { return holder_.SaveAtEnd(); }

  TableStats Stats() const;
  // Of the table; nothing held before there is one.
  ShardStats Counts() const;
  // Which side waits, and for what; empty before there is a table.
  std::string Explain() const;
  // Zeros without a log.
  SegmentLogStats LogStats() const;
  // Now and then: a checkpoint once the log has become longer than the table. Drain ends it.
  absl::Status Tend();

  grpc::Status CreateTable(grpc::ServerContext* context, const CreateTableRequest* request,
                           CreateTableReply* reply) override;
  grpc::Status Insert(grpc::ServerContext* context,
                      grpc::ServerReaderWriter<InsertReply, InsertRequest>* stream) override;
  grpc::Status Sample(grpc::ServerContext* context,
                      grpc::ServerReaderWriter<SampleReply, SampleRequest>* stream) override;
  grpc::Status Commit(grpc::ServerContext* context, const CommitRequest* request,
                      CommitReply* reply) override;
  grpc::Status Checkpoint(grpc::ServerContext* context, const CheckpointRequest* request,
                          CheckpointReply* reply) override;
  grpc::Status CutActor(grpc::ServerContext* context, const CutActorRequest* request,
                        CutActorReply* reply) override;
  grpc::Status UpdatePriorities(grpc::ServerContext* context,
                                const UpdatePrioritiesRequest* request,
                                UpdatePrioritiesReply* reply) override;
  grpc::Status GetStats(grpc::ServerContext* context, const GetStatsRequest* request,
                        TableStats* reply) override;
  grpc::Status SetLimiter(grpc::ServerContext* context, const SetLimiterRequest* request,
                          SetLimiterReply* reply) override;
  grpc::Status TakeRollout(grpc::ServerContext* context, const TakeRolloutRequest* request,
                           grpc::ServerWriter<TakeRolloutReply>* stream) override;
  grpc::Status Load(grpc::ServerContext* context, grpc::ServerReader<LoadRequest>* stream,
                    LoadReply* reply) override;

 private:
  absl::Status DoCreateTable(const CreateTableRequest& request, CreateTableReply* reply)
      ABSL_LOCKS_EXCLUDED(create_mu_);
  absl::Status CreateClosed(const CreateTableRequest& request, CreateTableReply* reply,
                            std::vector<std::string>* warnings)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(create_mu_);
  absl::Status DoInsert(grpc::ServerContext* context,
                        grpc::ServerReaderWriter<InsertReply, InsertRequest>* stream);
  absl::Status DoSample(grpc::ServerContext* context,
                        grpc::ServerReaderWriter<SampleReply, SampleRequest>* stream);
  absl::Status DoTakeRollout(grpc::ServerContext* context, const TakeRolloutRequest& request,
                             grpc::ServerWriter<TakeRolloutReply>* stream);
  absl::Status DoLoad(grpc::ServerContext* context, grpc::ServerReader<LoadRequest>* stream,
                      LoadReply* reply);
  absl::Status ServeLoad(grpc::ServerContext* context, LoadRequest request,
                         grpc::ServerReader<LoadRequest>* stream, LoadReply* reply);
  absl::Status DoCommit(grpc::ServerContext* context, const CommitRequest& request);
  absl::Status DoGetStats(const GetStatsRequest& request, TableStats* reply);
  absl::Status DoCheckpoint(const CheckpointRequest& request, CheckpointReply* reply);
  absl::Status DoCutActor(const CutActorRequest& request);
  absl::Status DoUpdatePriorities(const UpdatePrioritiesRequest& request);
  // What a learner's call said of its newest policy; 0: nothing.
  static void Hear(ReplayShard* shard, uint64_t newest_version);
  // For streams: waits as the table's durability wants; null: need not wait.
  std::function<absl::Status()> AwaitAck(std::function<bool()> stop) const;
  // Drain ends it: the table is saved at the end anyway.
  absl::StatusOr<std::string> SaveAside();
  // Why a call of this learner epoch must end; OK: it need not.
  absl::Status Ended(grpc::ServerContext* context, uint64_t learner_epoch) const;

  Mutex create_mu_;                                   // one CreateTable at a time
  uint64_t made_by_ ABSL_GUARDED_BY(create_mu_) = 0;  // the newest learner epoch that did
  LearnerFence fence_;
  TableHolder holder_;
  InsertDoor door_;
  InsertStreams streams_;
  FirstMessages first_messages_{"insert"};
  FirstMessages first_samples_{"sample"};
  FirstMessages first_loads_{"load"};
  std::atomic<bool> draining_{false};
  std::atomic<bool> loading_{false};  // a file, one at a time
  std::atomic<int64_t> crc_errors_{0};
};

}  // namespace pmoe
