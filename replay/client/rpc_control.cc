#include "replay/client/rpc_control.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/printable_text.h"
#include "common/base/status_macros.h"
#include "common/metrics/rejections.h"
#include "common/rpc/channel.h"
#include "common/rpc/rpc_status.h"
#include "replay/client/insert_grants.h"
#include "replay/core/nonsense.h"
#include "replay/wire/priorities_codec.h"
#include "replay/wire/table_request.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kCall{5000};
// In lockstep a run ends with it: as long as its neighbours wait.
constexpr milliseconds kPriorities(60'000);
constexpr milliseconds kFileCall{600'000};  // tables of many GiB
constexpr milliseconds kAnswerTime{1000};   // for a wait that ran out at the other end to be told
constexpr size_t kTextMax = 4096;           // of what a shard says of its limiter

bool MakesSense(const TableStats& stats) {
  const auto counts = [](int64_t rows) { return rows >= 0 && rows <= kRowsMax; };
  return counts(stats.size()) && counts(stats.inserted()) && counts(stats.loaded()) &&
         stats.size() <= stats.inserted() + stats.loaded();
}

// A server that ends cancels the calls that it has not begun: to the caller it is away.
absl::Status Away(const absl::Status& status) {
  const bool away = IsTransient(status) && !absl::IsDeadlineExceeded(status);
  return away ? absl::UnavailableError(status.message()) : status;
}

}  // namespace

absl::Status RpcReplayOptions::Validate() const {
  PMOE_RETURN_IF_ERROR(CheckTable(table, shards));
  if (sequence_rows < 0 || (sequence_rows > 0 && table.has_on_policy())) {
    return absl::InvalidArgumentError(
        absl::StrCat("sequence_rows must be >= 0, and 0 of an on-policy table, whose rows come in "
                     "rollouts; got ",
                     sequence_rows));
  }
  if (!table.has_limiter()) return absl::OkStatus();
  return InsertGrants::ForShards(LimiterOptions(table.limiter()), shards).Validate();
}

RpcReplayControl::RpcReplayControl(RpcReplayOptions options)
    : options_(std::move(options)), shards_(static_cast<size_t>(options_.shards)) {}

void RpcReplayControl::SetShardAddress(int shard, const RpcAddress& address) {
  Shard& moved = shards_[static_cast<size_t>(shard)];
  const std::string name = absl::StrCat("replay ", shard, " at ", address.Text());
  if (moved.name == name) return;
  moved.name = name;
  moved.stub = ReplayService::NewStub(MakeChannel(address, PeerRole::kReplay, options_.security));
}

template <typename Request, typename Reply>
absl::Status RpcReplayControl::Call(
    const Shard& shard, milliseconds timeout,
    grpc::Status (ReplayService::Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
    const Request& request, Reply* reply) const {
  if (shard.stub == nullptr) return absl::UnavailableError("a shard has not joined yet");
  grpc::ClientContext context;
  SetDeadline(&context, timeout);
  const absl::Status status = FromGrpc((shard.stub.get()->*method)(&context, request, reply));
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(shard.name, ": ", status.message()));
}

CreateTableRequest RpcReplayControl::TableRequest(int shard, absl::string_view restore) const {
  CreateTableRequest request = TableOfShard(options_.table, shard, options_.shards);
  *request.mutable_learner() = options_.learner;
  request.set_restore(std::string(restore));
  request.set_seat_key(options_.seat_key);
  if (request.has_newest_version()) request.set_newest_version(newest_version_);
  return request;
}

absl::Status RpcReplayControl::CreateTable(int shard, absl::string_view restore) {
  PMOE_RETURN_IF_ERROR(options_.Validate());
  Shard& made = shards_[static_cast<size_t>(shard)];
  CreateTableReply reply;
  PMOE_RETURN_IF_ERROR(Call(made, restore.empty() ? kCall : kFileCall,
                            &ReplayService::Stub::CreateTable, TableRequest(shard, restore),
                            &reply));
  Count(reply.stats(), &made);
  return absl::OkStatus();
}

absl::Status RpcReplayControl::CutActor(uint32_t member, uint32_t actor, uint32_t epoch) {
  CutActorRequest request;
  *request.mutable_learner() = options_.learner;
  request.set_table(options_.table.table());
  request.set_member(member);
  request.set_actor(actor);
  request.set_epoch(epoch);
  absl::Status status;
  for (const Shard& shard : shards_) {
    CutActorReply reply;
    status.Update(Call(shard, kCall, &ReplayService::Stub::CutActor, request, &reply));
  }
  return status;
}

absl::Status RpcReplayControl::Commit(uint64_t round, milliseconds timeout) {
  CommitRequest request;
  *request.mutable_learner() = options_.learner;
  request.set_table(options_.table.table());
  request.set_round(round);
  request.set_timeout_ms(static_cast<uint32_t>(timeout.count()));
  request.set_newest_version(newest_version_);
  CommitReply reply;
  PMOE_RETURN_IF_ERROR(
      Call(shards_[0], timeout + kAnswerTime, &ReplayService::Stub::Commit, request, &reply));
  Count(reply.stats(), &shards_[0]);
  return absl::OkStatus();
}

absl::Status RpcReplayControl::UpdatePriorities(absl::Span<const RowKey> rows,
                                                absl::Span<const float> errors) {
  UpdatePrioritiesRequest request;
  *request.mutable_learner() = options_.learner;
  request.set_table(options_.table.table());
  request.set_newest_version(newest_version_);
  EncodePriorities(rows, errors, &request);
  UpdatePrioritiesReply reply;
  return Away(
      Call(shards_[0], kPriorities, &ReplayService::Stub::UpdatePriorities, request, &reply));
}

void RpcReplayControl::Count(const TableStats& stats, Shard* shard) {
  if (!MakesSense(stats)) {
    Rejections::OfProcess().Add("replay_stats", kBadNumbers, shard->name,
                                absl::StrCat(stats.size(), " rows of ", stats.inserted(), " and ",
                                             stats.loaded(), " loaded"));
    return;
  }
  // A shard that was just restarted: its rows come back, or are missed, with its table.
  if (!stats.has_table()) return;
  if (stats.inserted() < shard->inserted) shard->lost += shard->inserted - stats.inserted();
  shard->inserted = stats.inserted();
  shard->loaded = stats.loaded();
  shard->size = stats.size();
  shard->limiter = stats.limiter().size() <= kTextMax ? stats.limiter()
                                                      : PrintableText(stats.limiter(), kTextMax);
}

absl::StatusOr<ReplayStats> RpcReplayControl::Stats() {
  absl::Status away;
  bool any = false;
  ReplayStats sum;
  GetStatsRequest request;
  *request.mutable_learner() = options_.learner;
  request.set_table(options_.table.table());
  request.set_newest_version(newest_version_);
  for (size_t i = 0; i < shards_.size(); ++i) {
    Shard& shard = shards_[i];
    TableStats stats;
    const absl::Status status = Call(shard, kCall, &ReplayService::Stub::GetStats, request, &stats);
    if (!status.ok() && !IsTransient(status)) return status;
    if (status.ok()) Count(stats, &shard);
    away.Update(Away(status));
    any |= status.ok();
    sum.size += shard.size;
    sum.inserted += shard.inserted + shard.lost;
    if (shards_.size() > 1) absl::StrAppend(&sum.limiter, i == 0 ? "" : "; ", "shard ", i, ": ");
    absl::StrAppend(&sum.limiter, status.ok() ? shard.limiter : "away");
  }
  if (!any) return away;
  return sum;
}

absl::Status RpcReplayControl::Save(absl::string_view name) {
  CheckpointRequest request;
  *request.mutable_learner() = options_.learner;
  request.set_table(options_.table.table());
  request.set_name(std::string(name));
  for (const std::string& kept : keep_) request.add_keep(kept);
  for (const Shard& shard : shards_) {
    CheckpointReply reply;
    PMOE_RETURN_IF_ERROR(Call(shard, kFileCall, &ReplayService::Stub::Checkpoint, request, &reply));
  }
  return absl::OkStatus();
}

absl::Status RpcReplayControl::Restore(absl::string_view name) {
  for (size_t i = 0; i < shards_.size(); ++i) {
    // Rows are set back on purpose: what came after the checkpoint never was.
    shards_[i].inserted = shards_[i].lost = 0;
    PMOE_RETURN_IF_ERROR(CreateTable(static_cast<int>(i), name));
  }
  return KeepOnly({std::string(name)});
}

absl::Status RpcReplayControl::KeepOnly(const std::vector<std::string>& names) {
  keep_ = names;
  return absl::OkStatus();
}

}  // namespace pmoe
