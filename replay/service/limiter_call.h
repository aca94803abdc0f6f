// An admin's SetLimiter call: the message as a change, and the state that holds then as a reply.
// Free functions; thread-safe.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "grpcpp/server_context.h"
#include "proto/replay.pb.h"
#include "replay/core/replay_shard.h"

namespace pmoe {

// Who calls, for people: "admin ops at 10.0.0.7", or the machine alone where it has no certificate.
std::string CallerText(const grpc::ServerContext& context);

// Errors as ReplayShard::SetLimiter's. Logs what was changed.
absl::Status ServeSetLimiter(ReplayShard* shard, const SetLimiterRequest& request,
                             absl::string_view who, SetLimiterReply* reply);

}  // namespace pmoe
