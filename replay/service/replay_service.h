// ReplayService of proto/replay.proto over a shard's tables, one ReplayShard each: who may call,
// writers' streams, minibatches, checkpoints, and an orderly end. Thread-safe; gRPC calls it from
// many threads. Outlives its server.
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
#include "replay/service/learner_fence.h"
#include "replay/service/table_set.h"

namespace pmoe {

class ReplayServer final : public ReplayService::Service {
 public:
  // The tables' files lie in `dir`, which exists (TableSet).
  explicit ReplayServer(std::string dir) : tables_(std::move(dir)) {}

  // The run that this shard joined; calls of another one are refused.
  void AdoptRun(const std::string& run_id) { fence_.AdoptRun(run_id); }
  // Tells writers to leave, ends waits, and gives streams `grace` to end. Then stop the server and
  // call SaveAtEnd, so that nothing is acknowledged that the files do not hold.
  void Drain(std::chrono::milliseconds grace);
  // Every table, whatever becomes of the others; the first error.
  absl::Status SaveAtEnd();

  // Of the run's own table, with the others in few words.
  TableStats Stats() const;
  // Of the run's own table; nothing held before there is one.
  ShardStats Counts() const { return tables_.own()->Counts(); }
  // Which side waits there, and for what; empty before there is a table.
  std::string Explain() const { return tables_.own()->Explain(); }
  // Of all tables' logs together: sums of what was written and the worst of what is behind; the
  // positions are those of the run's own. Zeros without one.
  SegmentLogStats LogStats() const;
  // The run's own, then the others by name. Valid as long as the server.
  std::vector<ServedTable*> Tables() const { return tables_.All(); }
  // Now and then: a checkpoint of each table whose log has become longer than itself. Drain ends
  // it. The first error.
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
  absl::StatusOr<ReplayShard*> ShardOf(const std::string& table) const;
  // What a call about a table answers.
  TableStats StatsOf(const ServedTable& table) const;
  // Counts a name that is none.
  absl::StatusOr<ServedTable*> TableOfHello(const InsertHello& hello,
                                            const grpc::ServerContext& context) const;
  absl::Status DoCreateTable(const CreateTableRequest& request, CreateTableReply* reply)
      ABSL_LOCKS_EXCLUDED(create_mu_);
  absl::Status DoInsert(grpc::ServerContext* context,
                        grpc::ServerReaderWriter<InsertReply, InsertRequest>* stream);
  absl::Status DoSample(grpc::ServerContext* context,
                        grpc::ServerReaderWriter<SampleReply, SampleRequest>* stream);
  absl::Status DoTakeRollout(grpc::ServerContext* context, const TakeRolloutRequest& request,
                             grpc::ServerWriter<TakeRolloutReply>* stream);
  absl::Status DoLoad(grpc::ServerContext* context, grpc::ServerReader<LoadRequest>* stream,
                      LoadReply* reply);
  absl::Status ServeLoad(grpc::ServerContext* context, ServedTable* table, LoadRequest request,
                         grpc::ServerReader<LoadRequest>* stream, LoadReply* reply);
  absl::Status DoCommit(grpc::ServerContext* context, const CommitRequest& request);
  absl::Status DoGetStats(const GetStatsRequest& request, bool of_learner, TableStats* reply);
  absl::Status DoCheckpoint(const CheckpointRequest& request, CheckpointReply* reply);
  absl::Status DoSaveAside(const CheckpointRequest& request, CheckpointReply* reply);
  absl::Status DoCutActor(const CutActorRequest& request);
  absl::Status DoUpdatePriorities(const UpdatePrioritiesRequest& request);
  // What a learner's call said of its newest policy; 0: nothing.
  static void Hear(ReplayShard* shard, uint64_t newest_version);
  // Drain ends it: the table is saved at the end anyway.
  absl::StatusOr<std::string> SaveAside(ServedTable* table);
  // Why a call of this learner epoch must end; OK: it need not.
  absl::Status Ended(grpc::ServerContext* context, uint64_t learner_epoch) const;

  Mutex create_mu_;  // one CreateTable at a time
  LearnerFence fence_;
  TableSet tables_;
  InsertDoor door_;
  FirstMessages first_messages_{"insert"};
  FirstMessages first_samples_{"sample"};
  FirstMessages first_loads_{"load"};
  std::atomic<bool> draining_{false};
};

}  // namespace pmoe
