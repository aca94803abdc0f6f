// tidy: long because it has every call of one service.
#include "replay/service/replay_service.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/log.h"
#include "common/base/printable_text.h"
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

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr size_t kFailingMax = 512;  // bytes; the learner looks at it

// For people.
std::string DurabilityText(const SegmentLog* log) {
  if (log == nullptr) return "none";
  const SegmentLogStats stats = log->stats();
  const char* const name = log->acks_wait() ? "wal" : "async";
  if (stats.failing.empty()) return absl::StrFormat("%s, %.1f s behind", name, stats.behind_s);
  return absl::StrFormat("%s, FAILING for %.0f s: %s", name, stats.behind_s,
                         PrintableText(stats.failing, kFailingMax));
}

// A stream that is cancelled ends at once, or at the next question in a wait.
constexpr milliseconds kEvictionMax{5000};

}  // namespace

void ReplayServer::Drain(milliseconds grace) {
  draining_ = true;
  streams_.Close();
  (void)streams_.AwaitEmpty(grace);
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

ShardStats ReplayServer::Counts() const {
  const ReplayShard* const shard = holder_.shard();
  return shard == nullptr ? ShardStats() : shard->Stats();
}

std::string ReplayServer::Explain() const {
  const ReplayShard* const shard = holder_.shard();
  return shard == nullptr ? "" : shard->Explain();
}

SegmentLogStats ReplayServer::LogStats() const {
  const SegmentLog* const log = holder_.log();
  return log == nullptr ? SegmentLogStats() : log->stats();
}

absl::Status ReplayServer::Tend() {
  if (draining_ || !holder_.LogIsLong()) return absl::OkStatus();
  const absl::Status saved = SaveAside().status();
  return draining_ ? absl::OkStatus() : saved;
}

absl::StatusOr<std::string> ReplayServer::SaveAside() {
  absl::StatusOr<std::string> name = holder_.SaveAside([this] { return draining_.load(); });
  if (!absl::IsCancelled(name.status())) return name;
  return absl::UnavailableError("the shard is leaving, and saves its table as it goes");
}

TableStats ReplayServer::Stats() const {
  const ShardStats counts = Counts();
  TableStats stats;
  stats.set_has_table(holder_.shard() != nullptr);
  stats.set_limiter(Explain());
  stats.set_size(counts.size);
  stats.set_inserted(counts.inserted);
  stats.set_loaded(counts.loaded);
  stats.set_sampled(counts.sampled);
  stats.set_bytes(counts.bytes);
  stats.set_next_round(counts.next_round);
  stats.set_newest_version(counts.newest_version);
  stats.set_insert_blocked_s(counts.inserts_blocked.total);
  stats.set_sample_blocked_s(counts.samples_blocked.total);
  stats.set_duplicates(counts.duplicates);
  stats.set_crc_errors(crc_errors_);
  stats.set_rows_lost(static_cast<int64_t>(counts.rows_lost));
  stats.set_writers(streams_.count());
  stats.set_refused(counts.refused);
  stats.set_priorities_gone(counts.priorities_gone);
  stats.set_durability(DurabilityText(holder_.log()));
  return stats;
}

absl::Status ReplayServer::DoCreateTable(const CreateTableRequest& request,
                                         CreateTableReply* reply) {
  PMOE_RETURN_IF_ERROR(fence_.Admit(request.learner()));
  door_.SetKey(request.seat_key());
  absl::Status status;
  std::vector<std::string>
      warnings;  // said without the lock: a log may stand still, writers must not
  {
    MutexLock lock(&create_mu_);
    streams_.Close();
    status = CreateClosed(request, reply, &warnings);
    if (!draining_) streams_.Open();
    if (status.ok()) *reply->mutable_stats() = Stats();
  }
  for (const std::string& warning : warnings) Log(LogLevel::kWarning, warning);
  if (!status.ok() || reply->restored().empty()) return status;
  if (const int64_t left_out = Counts().rows_left_out; left_out > 0) {
    Rejections::OfProcess().Add("restore", "rows", reply->restored(),
                                absl::StrCat(left_out, " rows that make no sense"));
  }
  Log(LogLevel::kInfo, "restored ", reply->restored(), ": ", reply->stats().size(),
      " transitions, ", reply->stats().inserted(), " ever inserted");
  return absl::OkStatus();
}

absl::Status ReplayServer::CreateClosed(const CreateTableRequest& request, CreateTableReply* reply,
                                        std::vector<std::string>* warnings) {
  PMOE_RETURN_IF_ERROR(holder_.Create(request, warnings));
  // Another life of the learner goes by its configuration; one that only comes back does not.
  const uint64_t epoch = request.learner().learner_epoch();
  if (std::exchange(made_by_, epoch) != epoch && holder_.shard() != nullptr) {
    holder_.shard()->ResetLimiter();
  }
  if (request.has_newest_version()) {
    // 0: a learner that has just begun, which does not know yet what actors have.
    holder_.SetPublished(request.newest_version(), /*now=*/request.newest_version() > 0);
  }
  if (!holder_.Restores(request.restore())) return holder_.StartLog("");
  // Writers must not go on with numbers from before the table was set back: they leave, and come
  // back with a hello.
  streams_.EvictAll();
  if (!streams_.AwaitEmpty(kEvictionMax)) {
    return absl::UnavailableError("cannot restore yet: writers do not leave; try again");
  }
  PMOE_ASSIGN_OR_RETURN(*reply->mutable_restored(), holder_.Restore(request.restore(), warnings));
  return holder_.StartLog(reply->restored());
}

absl::Status ReplayServer::DoInsert(grpc::ServerContext* context,
                                    grpc::ServerReaderWriter<InsertReply, InsertRequest>* stream) {
  InsertRequest request;
  PMOE_RETURN_IF_ERROR(first_messages_.Read(context, stream, &request));
  if (!request.has_hello()) return absl::InvalidArgumentError("the first message must be a hello");
  PMOE_ASSIGN_OR_RETURN(ReplayShard* const shard, holder_.Shard());
  PMOE_RETURN_IF_ERROR(fence_.CheckRun("writer", request.hello().run_id()));
  PMOE_RETURN_IF_ERROR(
      CheckClaim(*context->auth_context(), RUN_ROLE_ACTOR, request.hello().actor()));
  PMOE_RETURN_IF_ERROR(door_.Check(request.hello(), PeerHost(context->peer())));
  const uint32_t actor = request.hello().actor();
  PMOE_ASSIGN_OR_RETURN(const auto place, streams_.Enter(request.hello(), context));
  const auto gone = [&] { return place->evicted() || context->IsCancelled(); };
  InsertStream insert(
      shard,
      {.lockstep = holder_.lockstep(),
       .gone = gone,
       .draining = [this] { return draining_.load(); },
       .on_bad_crc = [this] { ++crc_errors_; },
       .on_nonsense = [=, this](const absl::Status& why) { return door_.OnNonsense(actor, why); },
       .await_ack = AwaitAck([&] { return gone() || draining_; })},
      stream);
  const absl::Status status = insert.Serve(std::move(request));
  // An evicted stream's other errors come of being late.
  return place->evicted() ? absl::AbortedError("a newer stream took this one's place") : status;
}

absl::Status ReplayServer::DoSample(grpc::ServerContext* context,
                                    grpc::ServerReaderWriter<SampleReply, SampleRequest>* stream) {
  SampleRequest request;
  PMOE_RETURN_IF_ERROR(first_samples_.Read(context, stream, &request));
  PMOE_ASSIGN_OR_RETURN(ReplayShard* const shard, holder_.Shard());
  PMOE_RETURN_IF_ERROR(fence_.Admit(request.learner()));
  const uint64_t epoch = request.learner().learner_epoch();
  SampleStream sample(
      shard, [=, this] { return Ended(context, epoch); }, stream);
  return sample.Serve(std::move(request));
}

absl::Status ReplayServer::DoTakeRollout(grpc::ServerContext* context,
                                         const TakeRolloutRequest& request,
                                         grpc::ServerWriter<TakeRolloutReply>* stream) {
  PMOE_ASSIGN_OR_RETURN(ReplayShard* const shard, holder_.Shard());
  PMOE_RETURN_IF_ERROR(fence_.Admit(request.learner()));
  Hear(shard, request.newest_version());
  const uint64_t epoch = request.learner().learner_epoch();
  std::function<absl::Status()> await_ack =
      AwaitAck([=, this] { return !Ended(context, epoch).ok(); });
  // A rollout whose taking is lost would be given again: it goes out once that is on disk.
  if (SegmentLog* const log = holder_.log(); log != nullptr) {
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
  if (loading_.exchange(true)) {
    return absl::FailedPreconditionError("another file is being loaded; wait until that has ended");
  }
  const absl::Status status = ServeLoad(context, std::move(request), stream, reply);
  loading_ = false;
  if (absl::IsDataLoss(status)) ++crc_errors_;
  if (absl::IsInvalidArgument(status)) {
    Rejections::OfProcess().Add("load", NonsenseReason(status), PeerHost(context->peer()),
                                status.message());
  }
  return status;
}

absl::Status ReplayServer::ServeLoad(grpc::ServerContext* context, LoadRequest request,
                                     grpc::ServerReader<LoadRequest>* stream, LoadReply* reply) {
  PMOE_ASSIGN_OR_RETURN(ReplayShard* const shard, holder_.Shard());
  if (holder_.lockstep() || shard->gives_rollouts()) {
    return absl::FailedPreconditionError(absl::StrCat(
        holder_.lockstep() ? "a lockstep run makes the same bits each time, and must"
                           : "an on-policy run learns from its own policies' rows, and must",
        " not be given others; load into a run with schedule.mode=async and an algorithm of SAC's "
        "family"));
  }
  InsertHello loader;
  loader.set_actor(StreamBook::kLoader);
  // As a writer: a table that is set back under it ends the call.
  PMOE_ASSIGN_OR_RETURN(const auto place, streams_.Enter(loader, context));
  const auto ended = [&]() -> absl::Status {
    if (place->evicted()) return absl::AbortedError("the table was set back while it was loaded");
    if (context->IsCancelled()) return absl::CancelledError("the caller has gone");
    return draining_ ? absl::UnavailableError("the shard is leaving") : absl::OkStatus();
  };
  LoadCall load(shard, {.ended = ended, .await_ack = AwaitAck([&] { return !ended().ok(); })},
                stream);
  const absl::Status status = load.Serve(std::move(request));
  Log(LogLevel::kInfo, "loaded ", load.rows(), " rows of a file from ", PeerHost(context->peer()),
      status.ok() ? "" : ", and no more: ", status.message());
  PMOE_RETURN_IF_ERROR(status);
  if (SegmentLog* const log = holder_.log(); log != nullptr) log->AwaitOnDisk(log->end());
  reply->set_rows(load.rows());
  *reply->mutable_stats() = Stats();
  reply->set_capacity(shard->capacity());
  return absl::OkStatus();
}

std::function<absl::Status()> ReplayServer::AwaitAck(std::function<bool()> stop) const {
  SegmentLog* const log = holder_.log();
  if (log == nullptr) return nullptr;
  return [log, stop = std::move(stop)] { return log->AwaitAck(stop); };
}

absl::Status ReplayServer::DoCommit(grpc::ServerContext* context, const CommitRequest& request) {
  PMOE_ASSIGN_OR_RETURN(ReplayShard* const shard, holder_.Shard());
  PMOE_RETURN_IF_ERROR(fence_.Admit(request.learner()));
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

// Others than the learner may ask too: they say no version, and need be of no run.
absl::Status ReplayServer::DoGetStats(const GetStatsRequest& request, TableStats* reply) {
  const LearnerId& learner = request.learner();
  ReplayShard* const shard = holder_.shard();
  if (shard != nullptr && fence_.CheckRun("learner", learner.run_id()).ok() &&
      fence_.IsCurrent(learner.learner_epoch())) {
    Hear(shard, request.newest_version());
  }
  *reply = Stats();
  return absl::OkStatus();
}

absl::Status ReplayServer::DoCheckpoint(const CheckpointRequest& request, CheckpointReply* reply) {
  PMOE_RETURN_IF_ERROR(holder_.Shard().status());
  PMOE_RETURN_IF_ERROR(fence_.Admit(request.learner()));
  PMOE_ASSIGN_OR_RETURN(const int64_t bytes, holder_.Save(request.name(), {request.keep().begin(),
                                                                           request.keep().end()}));
  reply->set_bytes(bytes);
  reply->set_name(request.name());
  return absl::OkStatus();
}

absl::Status ReplayServer::DoCutActor(const CutActorRequest& request) {
  PMOE_ASSIGN_OR_RETURN(ReplayShard* const shard, holder_.Shard());
  PMOE_RETURN_IF_ERROR(fence_.Admit(request.learner()));
  shard->CutActor(request.member(), request.actor(), request.epoch());
  return absl::OkStatus();
}

absl::Status ReplayServer::DoUpdatePriorities(const UpdatePrioritiesRequest& request) {
  PMOE_ASSIGN_OR_RETURN(ReplayShard* const shard, holder_.Shard());
  PMOE_RETURN_IF_ERROR(fence_.Admit(request.learner()));
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
  if (status.ok()) *reply->mutable_stats() = Stats();
  return ToGrpc(status);
}

grpc::Status ReplayServer::Checkpoint(grpc::ServerContext* context,
                                      const CheckpointRequest* request, CheckpointReply* reply) {
  // An admin names no learner, nor files that may go.
  const std::optional<PeerName> peer = PeerOf(*context->auth_context());
  const bool is_admin = peer.has_value() && peer->role == PeerRole::kAdmin;
  if (request->has_learner() && !is_admin) return ToGrpc(DoCheckpoint(*request, reply));
  absl::StatusOr<std::string> name = SaveAside();
  if (name.ok()) reply->set_name(*std::move(name));
  return ToGrpc(name.status());
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
  return ToGrpc(DoGetStats(*request, reply));
}

grpc::Status ReplayServer::SetLimiter(grpc::ServerContext* context,
                                      const SetLimiterRequest* request, SetLimiterReply* reply) {
  const absl::StatusOr<ReplayShard*> shard = holder_.Shard();
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
