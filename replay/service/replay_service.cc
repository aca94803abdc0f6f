// tidy: long because it has every call of one service.
#include "replay/service/replay_service.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/metrics/rejections.h"
#include "common/rpc/callers.h"
#include "common/rpc/peer_host.h"
#include "common/rpc/rpc_status.h"
#include "control/wire/claim.h"
#include "replay/core/nonsense.h"
#include "replay/service/insert_stream.h"
#include "replay/service/limiter_call.h"
#include "replay/service/load_call.h"
#include "replay/service/rollout_call.h"
#include "replay/service/sample_stream.h"
#include "replay/wire/priorities_codec.h"
#include "replay/wire/table_request.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

// As the learner is told of a table beside the run's own.
NamedTableStats InFewWords(const ServedTable& table) {
  const ShardStats counts = table.Counts();
  NamedTableStats stats;
  stats.set_name(table.name());
  stats.set_size(counts.size);
  stats.set_inserted(counts.inserted);
  stats.set_loaded(counts.loaded);
  stats.set_sampled(counts.sampled);
  return stats;
}

// Of a table's rows, which a restore left out.
void SayRestored(const ServedTable& table, const CreateTableReply& reply) {
  if (const int64_t left_out = table.Counts().rows_left_out; left_out > 0) {
    Rejections::OfProcess().Add("restore", "rows", reply.restored(),
                                absl::StrCat(left_out, " rows that make no sense"));
  }
  Log(LogLevel::kInfo, table.name().empty() ? "" : absl::StrCat("table ", table.name(), ": "),
      "restored ", reply.restored(), ": ", reply.stats().size(), " transitions, ",
      reply.stats().inserted(), " ever inserted");
}

// Who does not speak for the learner, whatever its request names as one; where the transport knows
// no roles (a unix socket, --insecure), nobody can be told from the learner.
bool IsAdmin(const grpc::ServerContext& context) {
  const std::optional<PeerName> peer = PeerOf(*context.auth_context());
  return peer.has_value() && peer->role == PeerRole::kAdmin;
}

}  // namespace

void ReplayServer::Drain(milliseconds grace) {
  draining_ = true;
  const Clock::Time until = Clock::Real()->Now() + grace;
  for (ServedTable* const table : tables_.All()) table->streams()->Close();
  for (ServedTable* const table : tables_.All()) {
    const auto left = std::chrono::duration_cast<milliseconds>(until - Clock::Real()->Now());
    (void)table->streams()->AwaitEmpty(std::max(left, milliseconds(0)));
  }
}

absl::Status ReplayServer::SaveAtEnd() {
  absl::Status saved;
  for (ServedTable* const table : tables_.All()) saved.Update(table->holder()->SaveAtEnd());
  return saved;
}

absl::Status ReplayServer::Ended(grpc::ServerContext* context, uint64_t learner_epoch) const {
  if (context->IsCancelled()) return absl::CancelledError("the caller has gone");
  if (!fence_.IsCurrent(learner_epoch)) return fence_.Superseded(learner_epoch);
  if (draining_) return absl::UnavailableError("the shard is leaving; come back later");
  return absl::OkStatus();
}

void ReplayServer::Hear(ReplayShard* shard, uint64_t newest_version) {
  if (newest_version > 0) shard->SetPublished(newest_version, /*now=*/true);
}

SegmentLogStats ReplayServer::LogStats() const {
  SegmentLogStats all = tables_.own()->LogStats();
  for (const ServedTable* const table : tables_.All()) {
    if (table->name().empty()) continue;
    const SegmentLogStats log = table->LogStats();
    all.bytes += log.bytes;
    all.sync_s += log.sync_s;
    all.errors += log.errors;
    all.behind_s = std::max(all.behind_s, log.behind_s);
  }
  return all;
}

absl::Status ReplayServer::Tend() {
  absl::Status tended;
  for (ServedTable* const table : tables_.All()) {
    if (draining_ || !table->holder()->LogIsLong()) continue;
    const absl::Status saved = SaveAside(table).status();
    if (!draining_) tended.Update(saved);
  }
  return tended;
}

absl::StatusOr<std::string> ReplayServer::SaveAside(ServedTable* table) {
  absl::StatusOr<std::string> name =
      table->holder()->SaveAside([this] { return draining_.load(); });
  if (!absl::IsCancelled(name.status())) return name;
  return absl::UnavailableError("the shard is leaving, and saves its table as it goes");
}

TableStats ReplayServer::Stats() const {
  TableStats stats = tables_.own()->Stats();
  for (const ServedTable* const table : tables_.All()) {
    if (!table->name().empty()) *stats.add_tables() = InFewWords(*table);
  }
  return stats;
}

absl::Status ReplayServer::DoCreateTable(const CreateTableRequest& request,
                                         CreateTableReply* reply) {
  PMOE_RETURN_IF_ERROR(fence_.Admit(request.learner()));
  door_.SetKey(request.seat_key());
  absl::Status status;
  ServedTable* table = nullptr;
  std::vector<std::string>
      warnings;  // said without the lock: a log may stand still, writers must not
  {
    MutexLock lock(&create_mu_);
    PMOE_ASSIGN_OR_RETURN(table, tables_.Make(request, &warnings));
    table->streams()->Close();
    status = table->Open(request, reply, &warnings);
    if (!draining_) table->streams()->Open();
    if (status.ok()) *reply->mutable_stats() = StatsOf(*table);
  }
  for (const std::string& warning : warnings) {
    Log(LogLevel::kWarning,
        table->name().empty() ? "" : absl::StrCat("table ", table->name(), ": "), warning);
  }
  if (status.ok() && !reply->restored().empty()) SayRestored(*table, *reply);
  return status;
}

absl::StatusOr<ReplayShard*> ReplayServer::ShardOf(const std::string& table) const {
  PMOE_ASSIGN_OR_RETURN(const ServedTable* const found, tables_.Find(table));
  return found->Shard();
}

TableStats ReplayServer::StatsOf(const ServedTable& table) const {
  return table.name().empty() ? Stats() : table.Stats();
}

absl::StatusOr<ServedTable*> ReplayServer::TableOfHello(const InsertHello& hello,
                                                        const grpc::ServerContext& context) const {
  absl::StatusOr<ServedTable*> table = tables_.Find(hello.table());
  if (absl::IsInvalidArgument(table.status())) {
    Rejections::OfProcess().Add("insert", "table", PeerHost(context.peer()),
                                table.status().message());
  }
  return table;
}

absl::Status ReplayServer::DoInsert(grpc::ServerContext* context,
                                    grpc::ServerReaderWriter<InsertReply, InsertRequest>* stream) {
  InsertRequest request;
  PMOE_RETURN_IF_ERROR(first_messages_.Read(context, stream, &request));
  if (!request.has_hello()) return absl::InvalidArgumentError("the first message must be a hello");
  PMOE_ASSIGN_OR_RETURN(ServedTable* const table, TableOfHello(request.hello(), *context));
  PMOE_ASSIGN_OR_RETURN(ReplayShard* const shard, table->Shard());
  PMOE_RETURN_IF_ERROR(fence_.CheckRun("writer", request.hello().run_id()));
  PMOE_RETURN_IF_ERROR(
      CheckClaim(*context->auth_context(), RUN_ROLE_ACTOR, request.hello().actor()));
  PMOE_RETURN_IF_ERROR(door_.Check(request.hello(), PeerHost(context->peer())));
  const uint32_t actor = request.hello().actor();
  PMOE_ASSIGN_OR_RETURN(const auto place, table->streams()->Enter(request.hello(), context));
  const auto gone = [&] { return place->evicted() || context->IsCancelled(); };
  InsertStream insert(
      shard,
      {.lockstep = table->holder()->lockstep(),
       .gone = gone,
       .draining = [this] { return draining_.load(); },
       .on_bad_crc = [table] { table->CountBadCrc(); },
       .on_nonsense = [=, this](const absl::Status& why) { return door_.OnNonsense(actor, why); },
       .await_ack = table->AwaitAck([&] { return gone() || draining_; })},
      stream);
  const absl::Status status = insert.Serve(std::move(request));
  // An evicted stream's other errors come of being late.
  return place->evicted() ? absl::AbortedError("a newer stream took this one's place") : status;
}

absl::Status ReplayServer::DoSample(grpc::ServerContext* context,
                                    grpc::ServerReaderWriter<SampleReply, SampleRequest>* stream) {
  SampleRequest request;
  PMOE_RETURN_IF_ERROR(first_samples_.Read(context, stream, &request));
  PMOE_RETURN_IF_ERROR(fence_.Admit(request.learner()));
  PMOE_ASSIGN_OR_RETURN(ServedTable* const table, tables_.Find(request.table()));
  PMOE_ASSIGN_OR_RETURN(ReplayShard* const shard, table->Shard());
  // Of a file that is still to be loaded: who lost this shard comes back before it is.
  if (!table->name().empty() && !table->holder()->limited() && shard->Counts().eligible == 0) {
    return absl::UnavailableError(
        absl::StrCat("the table \"", table->name(), "\" has no rows to give yet"));
  }
  const uint64_t epoch = request.learner().learner_epoch();
  SampleStream sample(
      shard, [=, this] { return Ended(context, epoch); }, stream);
  return sample.Serve(std::move(request));
}

absl::Status ReplayServer::DoTakeRollout(grpc::ServerContext* context,
                                         const TakeRolloutRequest& request,
                                         grpc::ServerWriter<TakeRolloutReply>* stream) {
  PMOE_RETURN_IF_ERROR(fence_.Admit(request.learner()));
  PMOE_ASSIGN_OR_RETURN(ServedTable* const table, tables_.Find(request.table()));
  PMOE_ASSIGN_OR_RETURN(ReplayShard* const shard, table->Shard());
  Hear(shard, request.newest_version());
  const uint64_t epoch = request.learner().learner_epoch();
  std::function<absl::Status()> await_ack =
      table->AwaitAck([=, this] { return !Ended(context, epoch).ok(); });
  // A rollout whose taking is lost would be given again: it goes out once that is on disk.
  if (SegmentLog* const log = table->holder()->log(); log != nullptr) {
    await_ack = [log, wait = std::move(await_ack)] {
      log->AwaitOnDisk(log->end());
      return wait();
    };
  }
  return ServeTakeRollout(
      shard, request, [=, this] { return Ended(context, epoch); }, std::move(await_ack), stream);
}

absl::Status ReplayServer::DoLoad(grpc::ServerContext* context,
                                  grpc::ServerReader<LoadRequest>* stream, LoadReply* reply) {
  LoadRequest request;
  PMOE_RETURN_IF_ERROR(first_loads_.Read(context, stream, &request));
  if (!request.has_hello()) return absl::InvalidArgumentError("the first message must be a hello");
  PMOE_ASSIGN_OR_RETURN(ServedTable* const table, tables_.Find(request.hello().table()));
  if (IsAdmin(*context)) request.mutable_hello()->clear_learner();
  const bool of_learner = request.hello().has_learner();
  if (of_learner) PMOE_RETURN_IF_ERROR(fence_.Admit(request.hello().learner()));
  if (!table->BeginLoad()) {
    constexpr absl::string_view kBusy = "another file is being loaded; wait until that has ended";
    // The learner comes again: it may be an earlier life's call that has not ended yet.
    return of_learner ? absl::UnavailableError(kBusy) : absl::FailedPreconditionError(kBusy);
  }
  const absl::Status status = ServeLoad(context, table, std::move(request), stream, reply);
  table->EndLoad();
  if (absl::IsDataLoss(status)) table->CountBadCrc();
  if (absl::IsInvalidArgument(status)) {
    Rejections::OfProcess().Add("load", NonsenseReason(status), PeerHost(context->peer()),
                                status.message());
  }
  return status;
}

absl::Status ReplayServer::ServeLoad(grpc::ServerContext* context, ServedTable* table,
                                     LoadRequest request, grpc::ServerReader<LoadRequest>* stream,
                                     LoadReply* reply) {
  PMOE_ASSIGN_OR_RETURN(ReplayShard* const shard, table->Shard());
  const bool of_learner = request.hello().has_learner();
  if (!of_learner && table->name() == kDemoTable) {
    return absl::FailedPreconditionError(
        "the table demos is the learner's, which loads replay.demos into it; load into the run's "
        "own table");
  }
  const bool lockstep = table->holder()->lockstep();
  if (lockstep || shard->gives_rollouts()) {
    return absl::FailedPreconditionError(absl::StrCat(
        lockstep ? "a lockstep run makes the same bits each time, and must"
                 : "an on-policy run learns from its own policies' rows, and must",
        " not be given others; load into a run with schedule.mode=async and an algorithm of SAC's "
        "family"));
  }
  // Nobody's is never superseded.
  const uint64_t epoch = of_learner ? request.hello().learner().learner_epoch() : UINT64_MAX;
  InsertHello loader;
  loader.set_actor(StreamBook::kLoader);
  // As a writer: a table that is set back under it ends the call.
  PMOE_ASSIGN_OR_RETURN(const auto place, table->streams()->Enter(loader, context));
  const auto ended = [&]() -> absl::Status {
    if (place->evicted()) return absl::AbortedError("the table was set back while it was loaded");
    return Ended(context, epoch);
  };
  LoadCall load(
      shard, {.ended = ended, .await_ack = table->AwaitAck([&] { return !ended().ok(); })}, stream);
  const absl::Status status = load.Serve(std::move(request));
  Log(LogLevel::kInfo, "loaded ", load.rows(), " rows of a file from ", PeerHost(context->peer()),
      table->name().empty() ? "" : absl::StrCat(" into table ", table->name()),
      status.ok() ? "" : ", and no more: ", status.message());
  PMOE_RETURN_IF_ERROR(status);
  if (SegmentLog* const log = table->holder()->log(); log != nullptr) log->AwaitOnDisk(log->end());
  reply->set_rows(load.rows());
  *reply->mutable_stats() = StatsOf(*table);
  reply->set_capacity(shard->capacity());
  return absl::OkStatus();
}

absl::Status ReplayServer::DoCommit(grpc::ServerContext* context, const CommitRequest& request) {
  PMOE_RETURN_IF_ERROR(fence_.Admit(request.learner()));
  PMOE_ASSIGN_OR_RETURN(ReplayShard* const shard, ShardOf(request.table()));
  Hear(shard, request.newest_version());
  // Asked again because the answer was lost: it is done.
  const uint64_t next_round = shard->next_round();
  if (next_round > 0 && request.round() == next_round - 1) return shard->damage();
  absl::Status ended;
  const WaitLimit limit(milliseconds(request.timeout_ms()), [&] {
    ended = Ended(context, request.learner().learner_epoch());
    return !ended.ok();
  });
  const absl::Status staged = shard->WaitStaged(request.round(), limit);
  PMOE_RETURN_IF_ERROR(ended);
  PMOE_RETURN_IF_ERROR(staged);
  return shard->Commit(request.round());
}

// Others than the learner may ask too: no version is believed of them, and they need be of no run.
absl::Status ReplayServer::DoGetStats(const GetStatsRequest& request, bool of_learner,
                                      TableStats* reply) {
  const LearnerId& learner = request.learner();
  PMOE_ASSIGN_OR_RETURN(ServedTable* const table, tables_.Find(request.table()));
  ReplayShard* const shard = table->holder()->shard();
  if (of_learner && shard != nullptr && fence_.CheckRun("learner", learner.run_id()).ok() &&
      fence_.IsCurrent(learner.learner_epoch())) {
    Hear(shard, request.newest_version());
  }
  *reply = StatsOf(*table);
  return absl::OkStatus();
}

absl::Status ReplayServer::DoCheckpoint(const CheckpointRequest& request, CheckpointReply* reply) {
  PMOE_RETURN_IF_ERROR(fence_.Admit(request.learner()));
  PMOE_ASSIGN_OR_RETURN(ServedTable* const table, tables_.Find(request.table()));
  PMOE_RETURN_IF_ERROR(table->Shard().status());
  PMOE_ASSIGN_OR_RETURN(
      const int64_t bytes,
      table->holder()->Save(request.name(), {request.keep().begin(), request.keep().end()}));
  reply->set_bytes(bytes);
  reply->set_name(request.name());
  return absl::OkStatus();
}

// An admin's, who names no learner, nor files that may go.
absl::Status ReplayServer::DoSaveAside(const CheckpointRequest& request, CheckpointReply* reply) {
  PMOE_ASSIGN_OR_RETURN(ServedTable* const table, tables_.Find(request.table()));
  PMOE_RETURN_IF_ERROR(table->Shard().status());
  PMOE_ASSIGN_OR_RETURN(*reply->mutable_name(), SaveAside(table));
  return absl::OkStatus();
}

absl::Status ReplayServer::DoCutActor(const CutActorRequest& request) {
  PMOE_RETURN_IF_ERROR(fence_.Admit(request.learner()));
  PMOE_ASSIGN_OR_RETURN(ReplayShard* const shard, ShardOf(request.table()));
  shard->CutActor(request.member(), request.actor(), request.epoch());
  return absl::OkStatus();
}

absl::Status ReplayServer::DoUpdatePriorities(const UpdatePrioritiesRequest& request) {
  PMOE_RETURN_IF_ERROR(fence_.Admit(request.learner()));
  PMOE_ASSIGN_OR_RETURN(ReplayShard* const shard, ShardOf(request.table()));
  Hear(shard, request.newest_version());
  const absl::StatusOr<std::vector<RowKey>> rows = RowKeysOf(request);
  absl::Status updated = rows.status();
  if (rows.ok()) updated = shard->UpdatePriorities(*rows, request.errors());
  if (absl::IsInvalidArgument(updated)) {
    Rejections::OfProcess().Add("priorities", NonsenseReason(updated), "the learner",
                                updated.message());
  }
  return updated;
}

grpc::Status ReplayServer::CreateTable(grpc::ServerContext* context,
                                       const CreateTableRequest* request, CreateTableReply* reply) {
  return ToGrpc(DoCreateTable(*request, reply));
}

grpc::Status ReplayServer::Insert(grpc::ServerContext* context,
                                  grpc::ServerReaderWriter<InsertReply, InsertRequest>* stream) {
  return ToGrpc(DoInsert(context, stream));
}

grpc::Status ReplayServer::Sample(grpc::ServerContext* context,
                                  grpc::ServerReaderWriter<SampleReply, SampleRequest>* stream) {
  return ToGrpc(DoSample(context, stream));
}

grpc::Status ReplayServer::Commit(grpc::ServerContext* context, const CommitRequest* request,
                                  CommitReply* reply) {
  const absl::Status status = DoCommit(context, *request);
  const absl::StatusOr<ServedTable*> table = tables_.Find(request->table());
  if (status.ok() && table.ok()) *reply->mutable_stats() = StatsOf(**table);
  return ToGrpc(status);
}

grpc::Status ReplayServer::Checkpoint(grpc::ServerContext* context,
                                      const CheckpointRequest* request, CheckpointReply* reply) {
  const bool of_learner = request->has_learner() && !IsAdmin(*context);
  return ToGrpc(of_learner ? DoCheckpoint(*request, reply) : DoSaveAside(*request, reply));
}

grpc::Status ReplayServer::CutActor(grpc::ServerContext* context, const CutActorRequest* request,
                                    CutActorReply* reply) {
  return ToGrpc(DoCutActor(*request));
}

grpc::Status ReplayServer::UpdatePriorities(grpc::ServerContext* context,
                                            const UpdatePrioritiesRequest* request,
                                            UpdatePrioritiesReply* reply) {
  return ToGrpc(DoUpdatePriorities(*request));
}

grpc::Status ReplayServer::GetStats(grpc::ServerContext* context, const GetStatsRequest* request,
                                    TableStats* reply) {
  return ToGrpc(DoGetStats(*request, /*of_learner=*/!IsAdmin(*context), reply));
}

grpc::Status ReplayServer::SetLimiter(grpc::ServerContext* context,
                                      const SetLimiterRequest* request, SetLimiterReply* reply) {
  const absl::StatusOr<ReplayShard*> shard = ShardOf(request->table());
  if (!shard.ok()) return ToGrpc(shard.status());
  return ToGrpc(ServeSetLimiter(*shard, *request, CallerText(*context), reply));
}

grpc::Status ReplayServer::TakeRollout(grpc::ServerContext* context,
                                       const TakeRolloutRequest* request,
                                       grpc::ServerWriter<TakeRolloutReply>* stream) {
  return ToGrpc(DoTakeRollout(context, *request, stream));
}

grpc::Status ReplayServer::Load(grpc::ServerContext* context,
                                grpc::ServerReader<LoadRequest>* stream, LoadReply* reply) {
  return ToGrpc(DoLoad(context, stream, reply));
}

}  // namespace pmoe
