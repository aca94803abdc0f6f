#include "control/service/roster.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/printable_text.h"
#include "common/base/status_macros.h"
#include "control/core/actor_group.h"
#include "control/wire/run_messages.h"
#include "control/wire/seat_signature.h"

namespace pmoe {
namespace {
constexpr uint32_t kActorsMax = 1024;

// Who a process says that it is, from where: what is put out.
std::string ProcessName(const std::string& peer, const ProcessInfo& process) {
  return absl::StrCat(peer, " ", process.pid(), " ", process.host());
}

// In containers every process may be number 1.
bool IsSameProcess(const ProcessInfo& a, const ProcessInfo& b) {
  return a.pid() == b.pid() && a.host() == b.host();
}

}  // namespace

std::string DescribeMember(const MemberStatus& member) {
  return absl::StrCat(RoleName(member.role()), " ", member.index(), " (pid ",
                      member.process().pid(), " on ", member.process().host(), ")");
}

absl::Status Roster::CheckRequest(const JoinRequest& request, const std::string& peer,
                                  double now_s) const {
  if (SeatsOf(request.role()) == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("Join: role must be actor, evaluator or replay, got ", request.role()));
  }
  const std::string& build = request.process().build_id();
  if (build != options_.build_id) {
    return absl::FailedPreconditionError(
        absl::StrCat("the learner is pmoe ", options_.build_id, ", this ", RoleName(request.role()),
                     " is ", build.empty() ? "of an unknown build" : PrintableText(build),
                     "; all processes of a run must be of one build"));
  }
  if (const auto why = conduct_.WhyOut(ProcessName(peer, request.process()), now_s)) {
    return absl::UnavailableError(absl::StrCat("this process is ", *why));
  }
  int pending = 0;
  for (const auto& [key, entry] : entries_) {
    pending += entry.stream == 0 && entry.peer == peer ? 1 : 0;
  }
  if (pending < kPendingPerPeerMax) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(pending, " processes of this machine (", peer,
                                             ") have joined and do not follow yet; try again"));
}

// A seat that nobody follows is free again, and a member that went long ago is listed no more.
void Roster::Forget(double now_s) {
  std::erase_if(entries_, [now_s](const auto& item) {
    const Entry& entry = item.second;
    if (entry.status.connected()) return false;
    if (entry.stream == 0) return entry.reserved_until_s <= now_s;
    return entry.reserved_until_s <= now_s && entry.last_report_s + kForget_s <= now_s;
  });
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

// Whoever shows the signature of the newest seat of an index has been given it.
bool Roster::IsNewest(RunRole role, const Seat& seat) const {
  if (seat.index() >= SeatsOf(role) || !IsSigned(role, seat)) return false;
  const Key key{role, seat.index()};
  const auto at = entries_.find(key);
  if (at != entries_.end()) return at->second.status.epoch() == seat.epoch();
  const auto past = past_.find(key);
  return past == past_.end() || options_.lockstep ||
         past->second.next_epoch <= uint64_t{seat.epoch()} + 1;
}

// Of who shows the newest seat: may it have it now?
bool Roster::IsOwn(const JoinRequest& request, double now_s) const {
  const Key key{request.role(), request.previous().index()};
  if (IsFree(key, now_s)) return true;
  return IsSameProcess(entries_.at(key).status.process(), request.process());
}

absl::Status Roster::Taken(const Key& key) const {
  return absl::UnavailableError(
      absl::StrCat(RoleName(static_cast<RunRole>(key.first)), " ", key.second,
                   " is taken: ", DescribeMember(entries_.at(key).status)));
}

bool Roster::IsSigned(RunRole role, const Seat& seat) const {
  return seat.run_id() == options_.run_id && pmoe::IsSigned(options_.seat_key, role, seat);
}

absl::StatusOr<Seat> Roster::SeatAt(RunRole role, uint32_t index, double now_s) const {
  const Key key{role, index};
  if (!IsFree(key, now_s)) return Taken(key);
  uint64_t epoch = options_.lockstep ? 0 : options_.first_epoch;
  if (const auto past = past_.find(key); past != past_.end() && !options_.lockstep) {
    epoch = std::max(epoch, past->second.next_epoch);
  }
  // The epochs beyond are those of the learner's next life.
  if (epoch >= uint64_t{options_.first_epoch} + kEpochsPerLife) {
    return absl::UnavailableError(
        absl::StrCat(RoleName(role), " ", index, " has had too many processes"));
  }
  Seat seat;
  seat.set_run_id(options_.run_id);
  seat.set_index(index);
  seat.set_epoch(static_cast<uint32_t>(epoch));
  SignSeat(options_.seat_key, role, &seat);
  return seat;
}

absl::StatusOr<Seat> Roster::NewSeat(RunRole role, double now_s,
                                     std::optional<uint32_t> only) const {
  if (only.has_value() && *only >= SeatsOf(role)) {
    return absl::PermissionDeniedError(absl::StrCat(
        "the certificate is good for ", RoleName(role), " ", *only, " alone, and the run has ",
        SeatsOf(role), ", counted from 0; actor.count and replay.shards say how many"));
  }
  if (only.has_value()) return SeatAt(role, *only, now_s);
  for (uint32_t index = 0; index < SeatsOf(role); ++index) {
    if (!IsFree({role, index}, now_s)) continue;
    absl::StatusOr<Seat> seat = SeatAt(role, index, now_s);
    if (seat.ok()) return seat;
  }
  // Transient: a member may leave, and a spare one takes its seat then.
  return absl::UnavailableError(
      absl::StrCat("the run has its ", SeatsOf(role), " ", RoleName(role),
                   " already; pmoe status lists them, actor.count and replay.shards say how many"));
}

absl::StatusOr<Seat> Roster::Join(const JoinRequest& request, const std::string& peer, double now_s,
                                  std::optional<uint32_t> only) {
  Forget(now_s);
  PMOE_RETURN_IF_ERROR(CheckRequest(request, peer, now_s));
  Seat seat = request.previous();
  const bool comes_back = request.has_previous() && (!only.has_value() || *only == seat.index()) &&
                          IsNewest(request.role(), seat);
  if (comes_back && request.role() == RUN_ROLE_REPLAY && !IsOwn(request, now_s)) {
    return Taken({request.role(), seat.index()});
  }
  if (!comes_back || !IsOwn(request, now_s)) {
    PMOE_ASSIGN_OR_RETURN(seat, NewSeat(request.role(), now_s, only));
  }
  const Key key{request.role(), seat.index()};
  Entry& entry = entries_[key];
  entry = Entry();
  entry.status.set_role(request.role());
  entry.status.set_index(seat.index());
  entry.status.set_epoch(seat.epoch());
  *entry.status.mutable_process() = request.process();
  entry.peer = peer;
  entry.last_report_s = now_s;
  entry.reserved_until_s = now_s + kSilence_s;
  Past& past = past_[key];
  ++past.joins;
  past.next_epoch = std::max(past.next_epoch, uint64_t{seat.epoch()} + 1);
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

absl::Status Roster::CheckSeat(RunRole role, const Seat& seat) const {
  // Transient: the follower joins anew and gets another seat.
  if (!IsSigned(role, seat)) {
    return absl::AbortedError(absl::StrCat("seat ", seat.index(), " of ", RoleName(role),
                                           " was not given out by this run; join again"));
  }
  if (Find(role, seat) == nullptr) {
    return absl::AbortedError(absl::StrCat("seat ", seat.index(), " of ", RoleName(role),
                                           " is not yours any more; join again"));
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> Roster::Connect(RunRole role, const Seat& seat, double now_s) {
  PMOE_RETURN_IF_ERROR(CheckSeat(role, seat));
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

bool Roster::OnNonsense(RunRole role, const Seat& seat, uint64_t stream, const std::string& what,
                        double now_s) {
  Entry* entry = FindConnected(role, seat, stream);
  if (entry == nullptr) return false;
  const std::string process = ProcessName(entry->peer, entry->status.process());
  if (!conduct_.OnNonsense(process, what, now_s)) return false;
  return Disconnect(role, seat, stream);
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
    const bool lately = entry.status.connected() || now_s - entry.last_report_s < kForget_s;
    if (entry.stream == 0 || !lately) continue;
    members.push_back(entry.status);
    members.back().set_last_report_s(now_s - entry.last_report_s);
  }
  return members;
}

std::string Roster::machine(RunRole role, uint32_t index) const {
  const auto at = entries_.find({role, index});
  return at == entries_.end() ? "" : at->second.peer;
}

const MemberStatus* Roster::member(RunRole role, uint32_t index) const {
  const auto at = entries_.find({role, index});
  return at == entries_.end() ? nullptr : &at->second.status;
}

uint64_t Roster::joins(RunRole role, uint32_t index) const {
  const auto at = past_.find({role, index});
  return at == past_.end() ? 0 : at->second.joins;
}

}  // namespace pmoe
