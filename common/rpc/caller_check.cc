#include "common/rpc/caller_check.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "common/rpc/callers.h"
#include "common/rpc/refusals.h"
#include "common/rpc/rpc_status.h"

namespace pmoe {
namespace {

grpc::Status Refuse(absl::string_view caller, absl::string_view path, const absl::Status& status) {
  Refusals::OfProcess().Add(caller, absl::StrCat("a call of ", path, ": ", status.message()));
  return ToGrpc(status);
}

}  // namespace

grpc::Status CallerCheck::Process(const InputMetadata& metadata, grpc::AuthContext* context,
                                  OutputMetadata* consumed, OutputMetadata* response) {
  const auto at = metadata.find(":path");
  const std::string path =
      at == metadata.end() ? "" : std::string(at->second.data(), at->second.size());
  const std::optional<PeerName> peer = PeerOf(*context);
  if (!peer.has_value() || peer->cluster != cluster_) {
    return Refuse(kUnverified, path,
                  absl::UnauthenticatedError(
                      absl::StrCat("the certificate names no role of the cluster ", cluster_)));
  }
  const absl::Status status = CheckMayCall(peer->role, path);
  return status.ok() ? grpc::Status::OK : Refuse(PeerRoleName(peer->role), path, status);
}

}  // namespace pmoe
