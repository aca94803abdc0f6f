// Who takes part in a run: the seats of actors, evaluator and replay shards. Gives out indices and
// epochs, knows who is silent. Times are seconds of one monotonic clock. Thread-compatible.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/run.pb.h"

namespace pmoe {

struct RosterOptions {
  std::string run_id;
  std::string build_id;
  bool lockstep = false;
  uint32_t actors = 1;  // lockstep: exactly; async: more may come
  uint32_t shards = 1;
  uint32_t first_epoch = 0;  // of an index's first process, FirstActorEpoch
};

inline constexpr double kSilence_s = 10.0;  // without a report: gone

class Roster {
 public:
  explicit Roster(RosterOptions options) : options_(std::move(options)) {}

  // A seat. One that comes back keeps its index and epoch unless they were given away; a new
  // process gets the lowest free index and that index's next epoch (lockstep: epoch 0 for ever).
  // FailedPreconditionError: another build or run. UnavailableError: no seat is free.
  absl::StatusOr<Seat> Join(const JoinRequest& request, double now_s);

  // The holder of a seat opens a stream, which supersedes an older one of the same seat; gives the
  // stream's number. AbortedError: the seat is another's by now.
  absl::StatusOr<uint64_t> Connect(RunRole role, const Seat& seat, double now_s);
  // False if the seat is not that stream's any more.
  bool OnReport(RunRole role, const Seat& seat, uint64_t stream, const FollowerMessage& report,
                double now_s);
  // False if it was not connected.
  bool Disconnect(RunRole role, const Seat& seat, uint64_t stream);

  // Connected members that have said nothing for kSilence_s; they are disconnected.
  std::vector<MemberStatus> Expire(double now_s);
  bool IsConnected(RunRole role, const Seat& seat, uint64_t stream) const;

  int connected(RunRole role) const;
  // Everybody who ever had a seat, with last_report_s as of now.
  std::vector<MemberStatus> Members(double now_s) const;
  // How often a process took the seat or came back to it; 0: nobody yet.
  uint64_t joins(RunRole role, uint32_t index) const;

 private:
  struct Entry {
    MemberStatus status;
    double last_report_s = 0.0;
    double reserved_until_s = 0.0;  // between Join and Connect
    uint64_t joins = 0;
    uint64_t stream = 0;  // number of the newest
  };
  using Key = std::pair<int, uint32_t>;  // role, index

  absl::Status CheckRequest(const JoinRequest& request) const;
  uint32_t SeatsOf(RunRole role) const;
  bool IsFree(const Key& key, double now_s) const;
  bool MayKeep(const JoinRequest& request, double now_s) const;
  const Entry* Find(RunRole role, const Seat& seat) const;
  Entry* FindConnected(RunRole role, const Seat& seat, uint64_t stream);

  const RosterOptions options_;
  std::map<Key, Entry> entries_;
  uint64_t streams_ = 0;  // opened so far
};

// "actor 1 (pid 4711 on host)"
std::string DescribeMember(const MemberStatus& member);

}  // namespace pmoe
