// Who a certificate says that its owner is: the SPIFFE name spiffe://<cluster>/<role>/<name>, the
// only URI among the certificate's alternative names. Values; thread-compatible.
#pragma once

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

struct PeerName {
  std::string cluster;
  PeerRole role = PeerRole::kAdmin;
  std::string name;

  std::string Uri() const;
};

// InvalidArgumentError: not of that form, or a role that is none.
absl::StatusOr<PeerName> ParsePeerName(absl::string_view uri);

// A cluster's name is one of lower-case letters, digits, dots and dashes, at most 63 of them.
absl::Status CheckClusterName(absl::string_view cluster);
// Of the authority: spiffe://<cluster>.
std::string ClusterUri(absl::string_view cluster);

}  // namespace pmoe
