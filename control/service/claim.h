// A follower says which role it plays; over TLS its certificate must say so too, so that an actor's
// key cannot make somebody a replay shard. Free function; thread-safe.
#pragma once

#include "absl/status/status.h"
#include "grpcpp/security/auth_context.h"
#include "proto/run.pb.h"

namespace pmoe {

// PermissionDeniedError: the certificate is of another role. Plain connections carry none.
absl::Status CheckClaim(const grpc::AuthContext& caller, RunRole claimed);

}  // namespace pmoe
