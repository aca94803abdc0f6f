#include "learner/service/roster.h"

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/run/run_messages.h"

namespace pmoe {
namespace {
constexpr uint32_t kActorsMax = 1024;
}  // namespace

std::string DescribeMember(const MemberStatus& member) {
  return absl::StrCat(RoleName(member.role()), " ", member.index(), " (pid ",
                      member.process().pid(), " on ", member.process().host(), ")");
}

absl::Status Roster::CheckRequest(const JoinRequest& request) const {
  if (SeatsOf(request.role()) == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("Join: role must be actor, evaluator or replay, got ", request.role()));
  }
  if (request.process().build_id() != options_.build_id) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the learner is pmoe ", options_.build_id, ", this ", RoleName(request.role()), " is ",
        request.process().build_id().empty() ? "of an unknown build" : request.process().build_id(),
        "; all processes of a run must be of one build"));
  }
  return absl::OkStatus();
}

uint32_t Roster::SeatsOf(RunRole role) const {
  switch (role) {
    case RUN_ROLE_ACTOR:
      return options_.lockstep ? options_.actors : kActorsMax;
    case RUN_ROLE_EVALUATOR:
      return 1;
    case RUN_ROLE_REPLAY:
      return options_.shards;
    default:
      return 0;
  }
}

bool Roster::IsFree(const Key& key, double now_s) const {
  const auto at = entries_.find(key);
  return at == entries_.end() ||
         (!at->second.status.connected() && at->second.reserved_until_s <= now_s);
}

bool Roster::MayKeep(const JoinRequest& request, double now_s) const {
  const Seat& seat = request.previous();
  if (seat.run_id() != options_.run_id || seat.index() >= SeatsOf(request.role())) return false;
  const auto at = entries_.find({request.role(), seat.index()});
  if (at == entries_.end()) return true;
  return at->second.status.epoch() == seat.epoch() &&
         (at->second.status.process().pid() == request.process().pid() || IsFree(at->first, now_s));
}

absl::StatusOr<Seat> Roster::Join(const JoinRequest& request, double now_s) {
  PMOE_RETURN_IF_ERROR(CheckRequest(request));
  Seat seat;
  seat.set_run_id(options_.run_id);
  if (request.has_previous() && MayKeep(request, now_s)) {
    seat = request.previous();
  } else {
    uint32_t index = 0;
    while (index < SeatsOf(request.role()) && !IsFree({request.role(), index}, now_s)) ++index;
    if (index >= SeatsOf(request.role())) {
      // Transient: a member may leave, and a spare one takes its seat then.
      return absl::UnavailableError(absl::StrCat(
          "the run has its ", SeatsOf(request.role()), " ", RoleName(request.role()),
          " already; pmoe status lists them, actor.count and replay.shards say how many"));
    }
    const auto at = entries_.find({request.role(), index});
    seat.set_index(index);
    seat.set_epoch(options_.lockstep      ? 0
                   : at == entries_.end() ? options_.first_epoch
                                          : at->second.status.epoch() + 1);
  }
  Entry& entry = entries_[{request.role(), seat.index()}];
  entry.status.Clear();
  entry.status.set_role(request.role());
  entry.status.set_index(seat.index());
  entry.status.set_epoch(seat.epoch());
  *entry.status.mutable_process() = request.process();
  entry.last_report_s = now_s;
  entry.reserved_until_s = now_s + kSilence_s;
  ++entry.joins;
  return seat;
}

const Roster::Entry* Roster::Find(RunRole role, const Seat& seat) const {
  const auto at = entries_.find({role, seat.index()});
  if (at == entries_.end() || at->second.status.epoch() != seat.epoch()) return nullptr;
  return &at->second;
}

Roster::Entry* Roster::FindConnected(RunRole role, const Seat& seat, uint64_t stream) {
  if (!IsConnected(role, seat, stream)) return nullptr;
  return &entries_.at({role, seat.index()});
}

absl::StatusOr<uint64_t> Roster::Connect(RunRole role, const Seat& seat, double now_s) {
  if (seat.run_id() != options_.run_id || Find(role, seat) == nullptr) {
    // Transient: the follower joins anew and gets another seat.
    return absl::AbortedError(absl::StrCat("seat ", seat.index(), " of ", RoleName(role),
                                           " is not yours any more; join again"));
  }
  Entry& entry = entries_.at({role, seat.index()});
  entry.status.set_connected(true);
  entry.last_report_s = now_s;
  entry.stream = ++streams_;
  return entry.stream;
}

bool Roster::OnReport(RunRole role, const Seat& seat, uint64_t stream,
                      const FollowerMessage& report, double now_s) {
  Entry* entry = FindConnected(role, seat, stream);
  if (entry == nullptr) return false;
  entry->last_report_s = now_s;
  entry->status.set_policy_version(report.policy_version());
  if (report.has_rates()) *entry->status.mutable_rates() = report.rates();
  if (report.has_table()) *entry->status.mutable_table() = report.table();
  if (report.has_usage()) *entry->status.mutable_usage() = report.usage();
  return true;
}

bool Roster::Disconnect(RunRole role, const Seat& seat, uint64_t stream) {
  Entry* entry = FindConnected(role, seat, stream);
  if (entry == nullptr) return false;
  entry->status.set_connected(false);
  entry->reserved_until_s = 0.0;
  return true;
}

std::vector<MemberStatus> Roster::Expire(double now_s) {
  std::vector<MemberStatus> gone;
  for (auto& [key, entry] : entries_) {
    if (!entry.status.connected() || now_s - entry.last_report_s < kSilence_s) continue;
    gone.push_back(entry.status);
    entry.status.set_connected(false);
    entry.reserved_until_s = 0.0;
  }
  return gone;
}

bool Roster::IsConnected(RunRole role, const Seat& seat, uint64_t stream) const {
  const Entry* entry = Find(role, seat);
  return entry != nullptr && entry->status.connected() && entry->stream == stream;
}

int Roster::connected(RunRole role) const {
  int count = 0;
  for (const auto& [key, entry] : entries_) {
    count += key.first == role && entry.status.connected() ? 1 : 0;
  }
  return count;
}

std::vector<MemberStatus> Roster::Members(double now_s) const {
  std::vector<MemberStatus> members;
  for (const auto& [key, entry] : entries_) {
    members.push_back(entry.status);
    members.back().set_last_report_s(now_s - entry.last_report_s);
  }
  return members;
}

uint64_t Roster::joins(RunRole role, uint32_t index) const {
  const auto at = entries_.find({role, index});
  return at == entries_.end() ? 0 : at->second.joins;
}

}  // namespace pmoe
