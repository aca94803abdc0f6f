#include "common/rpc/server_check.h"

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/rpc_status.h"

namespace pmoe {

bool ServerCheck::Verify(grpc::experimental::TlsCustomVerificationCheckRequest* request,
                         std::function<void(grpc::Status)> callback, grpc::Status* sync_status) {
  std::vector<std::string> uris;
  for (const grpc::string_ref& uri : request->uri_names())
    uris.emplace_back(uri.data(), uri.size());
  *sync_status = ToGrpc(CheckServer(uris, cluster_, role_));
  return true;  // done, nothing is left for the callback
}

absl::Status CheckServer(const std::vector<std::string>& uris, const std::string& cluster,
                         std::optional<PeerRole> role) {
  if (uris.size() != 1) return absl::PermissionDeniedError("its certificate names no role");
  PMOE_ASSIGN_OR_RETURN(const PeerName name, ParsePeerName(uris[0]));
  if (name.cluster != cluster) {
    return absl::PermissionDeniedError(
        absl::StrCat("it belongs to the cluster ", name.cluster, ", this process to ", cluster));
  }
  if (!role.has_value() || name.role == *role) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("its certificate is of role ",
                                                  PeerRoleName(name.role), ", not ",
                                                  PeerRoleName(*role), "; is the address right?"));
}

}  // namespace pmoe
