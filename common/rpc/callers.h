// Which role may call which method: what the protos' option (callers) says, read by reflection, so
// that a method that says nothing may be called by nobody. Health and reflection are for every
// role. Free functions; thread-safe.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/tls/peer_name.h"
#include "grpcpp/security/auth_context.h"

namespace pmoe {

// `path` as HTTP/2 carries it: "/pmoe.RunService/Join". Empty: nobody.
std::vector<PeerRole> Callers(absl::string_view path);

// PermissionDeniedError: says the role, the method and who may call it.
absl::Status CheckMayCall(PeerRole role, absl::string_view path);

// The name in the peer's certificate; nullopt: it has none, or the connection is plain.
std::optional<PeerName> PeerOf(const grpc::AuthContext& context);

}  // namespace pmoe
