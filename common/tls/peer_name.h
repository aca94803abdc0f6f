// Who a certificate says that its owner is: the SPIFFE name spiffe://<cluster>/<role>/<name>, the
// only URI among the certificate's alternative names. A name "seat-3" or "seat-evaluator" is good
// for that one member; any other, such as "1", for every seat of its role. Values;
// thread-compatible.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace pmoe {

// An evaluator is an actor; an admin asks and stops, and takes no part in a run.
enum class PeerRole { kLearner, kReplay, kActor, kAdmin };

const std::vector<PeerRole>& AllPeerRoles();
// "learner", "replay", "actor", "admin".
const char* PeerRoleName(PeerRole role);

// One member of a run.
struct PeerSeat {
  bool evaluator = false;
  uint32_t index = 0;  // of the actor or the replay shard; the evaluator's is 0

  // As it stands in a certificate's name: "seat-3", "seat-evaluator".
  std::string Name() const;
};
inline constexpr uint32_t kPeerSeatMax = 1023;

struct PeerName {
  std::string cluster;
  PeerRole role = PeerRole::kAdmin;
  std::string name;

  std::string Uri() const;
  // The member that it is good for; nullopt: any of its role.
  std::optional<PeerSeat> seat() const;
};

// InvalidArgumentError: not of that form, a role that is none, or a seat that the role has not.
absl::StatusOr<PeerName> ParsePeerName(absl::string_view uri);

// A cluster's name is one of lower-case letters, digits, dots and dashes, at most 63 of them.
absl::Status CheckClusterName(absl::string_view cluster);
// Of the authority: spiffe://<cluster>.
std::string ClusterUri(absl::string_view cluster);

}  // namespace pmoe
