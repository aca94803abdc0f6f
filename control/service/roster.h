// Who takes part in a run: the seats of actors, evaluator and replay shards. Gives out indices and
// epochs, signed, and knows who is silent. What it keeps is bounded whoever joins: a seat that
// nobody follows is free again after kSilence_s. Times are seconds of one monotonic clock.
// Thread-compatible.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/conduct.h"
#include "common/tls/seat_key.h"
#include "proto/run.pb.h"

namespace pmoe {

struct RosterOptions {
  std::string run_id;
  std::string build_id;
  bool lockstep = false;
  uint32_t actors = 1;  // lockstep: exactly; async: more may come
  uint32_t shards = 1;
  uint32_t first_epoch = 0;  // of an index's first process, FirstActorEpoch
  SeatKey seat_key{""};      // of the run
};

inline constexpr double kSilence_s = 10.0;  // without a report: gone
inline constexpr double kForget_s = 600.0;  // so long after it went, a member is listed
// Processes of one machine that have joined and do not follow yet.
inline constexpr int kPendingPerPeerMax = 256;

class Roster {
 public:
  explicit Roster(RosterOptions options) : options_(std::move(options)) {}

  // A seat, signed. One that comes back keeps its index and epoch unless they were given away; a
  // shard, whose rows are of that index, waits for it as long as its last life is not known to be
  // over (UnavailableError). A new process gets the lowest free index and that index's next epoch
  // (lockstep: epoch 0 for ever). `peer`: the caller's machine. `only`: the one index that its
  // certificate is good for. FailedPreconditionError: another build or run. PermissionDeniedError:
  // the run has no seat of that index. UnavailableError: no seat is free, or the process was put
  // out for a while.
  absl::StatusOr<Seat> Join(const JoinRequest& request, const std::string& peer, double now_s,
                            std::optional<uint32_t> only = std::nullopt);

  // AbortedError: the seat is another's by now, or was never given out.
  absl::Status CheckSeat(RunRole role, const Seat& seat) const;
  // The holder of a seat opens a stream, which supersedes an older one of the same seat; gives the
  // stream's number. AbortedError as CheckSeat's.
  absl::StatusOr<uint64_t> Connect(RunRole role, const Seat& seat, double now_s);
  // False if the seat is not that stream's any more.
  bool OnReport(RunRole role, const Seat& seat, uint64_t stream, const FollowerMessage& report,
                double now_s);
  // False if it was not connected.
  bool Disconnect(RunRole role, const Seat& seat, uint64_t stream);
  // A message of that stream made no sense. True: one too many; the stream is disconnected and its
  // process does not get a seat for a while (ConductLimits).
  bool OnNonsense(RunRole role, const Seat& seat, uint64_t stream, const std::string& what,
                  double now_s);

  // Connected members that have said nothing for kSilence_s; they are disconnected.
  std::vector<MemberStatus> Expire(double now_s);
  bool IsConnected(RunRole role, const Seat& seat, uint64_t stream) const;

  int connected(RunRole role) const;
  // Who follows, and who did lately, with last_report_s as of now.
  std::vector<MemberStatus> Members(double now_s) const;
  // From which machine it calls, as Join was told; empty: nobody has the seat, or had it lately.
  std::string machine(RunRole role, uint32_t index) const;
  // Who had the seat last, without last_report_s; null: nobody yet, or it is forgotten.
  const MemberStatus* member(RunRole role, uint32_t index) const;
  // How often a process took the seat or came back to it; 0: nobody yet.
  uint64_t joins(RunRole role, uint32_t index) const;
  // Whether the run gave out this very seat, in this life of its learner or an earlier one.
  bool IsSigned(RunRole role, const Seat& seat) const;

 private:
  struct Entry {
    MemberStatus status;
    std::string peer;
    double last_report_s = 0.0;
    double reserved_until_s = 0.0;  // between Join and Connect
    uint64_t stream = 0;            // number of the newest; 0: nobody has followed yet
  };
  // What outlives the members of a seat.
  struct Past {
    uint64_t joins = 0;
    uint64_t next_epoch = 0;
  };
  using Key = std::pair<int, uint32_t>;  // role, index

  absl::Status CheckRequest(const JoinRequest& request, const std::string& peer,
                            double now_s) const;
  void Forget(double now_s);
  uint32_t SeatsOf(RunRole role) const;
  bool IsFree(const Key& key, double now_s) const;
  // Is the seat that the request shows the newest of its index, and signed?
  bool IsNewest(RunRole role, const Seat& seat) const;
  bool IsOwn(const JoinRequest& request, double now_s) const;
  absl::Status Taken(const Key& key) const;
  // An error: the index is taken, or its epochs are used up.
  absl::StatusOr<Seat> SeatAt(RunRole role, uint32_t index, double now_s) const;
  absl::StatusOr<Seat> NewSeat(RunRole role, double now_s, std::optional<uint32_t> only) const;
  const Entry* Find(RunRole role, const Seat& seat) const;
  Entry* FindConnected(RunRole role, const Seat& seat, uint64_t stream);

  const RosterOptions options_;
  std::map<Key, Entry> entries_;
  std::map<Key, Past> past_;
  Conduct conduct_;       // of processes
  uint64_t streams_ = 0;  // opened so far
};

// "actor 1 (pid 4711 on host)"
std::string DescribeMember(const MemberStatus& member);

}  // namespace pmoe
