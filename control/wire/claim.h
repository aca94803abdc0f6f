// A caller says which role, and which seat of it, is its own; over TLS its certificate must say so
// too, so that an actor's key cannot make somebody a replay shard, and the key of one member, with
// a signed seat that was stolen, nobody else. Plain connections carry no certificate. Free
// functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/security/auth_context.h"
#include "proto/run.pb.h"

namespace pmoe {

// The one seat of that role which the caller's certificate is good for; nullopt: any.
// PermissionDeniedError: it is of another role, or of a member of another role.
absl::StatusOr<std::optional<uint32_t>> ClaimedSeat(const grpc::AuthContext& caller,
                                                    RunRole claimed);

// PermissionDeniedError as ClaimedSeat's, or it is another seat's.
absl::Status CheckClaim(const grpc::AuthContext& caller, RunRole claimed, uint32_t index);

}  // namespace pmoe
