// absl::Status on both sides of a call: the codes are the same numbers, the message travels as it
// is.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace pmoe {

inline grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

inline absl::Status FromGrpc(const grpc::Status& status) {
  // gRPC's own word where a server has no thread left: it will have one again.
  if (status.error_code() == grpc::RESOURCE_EXHAUSTED &&
      status.error_message() == "Server Threadpool Exhausted") {
    return absl::UnavailableError(status.error_message());
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

// Worth another attempt: the peer is away, was restarted, or did not answer in time.
inline bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsCancelled(status) || absl::IsAborted(status);
}

// What this process holds (a seat's life, weights) is not of this run any more: it must be dropped
// and the run joined anew.
inline bool MustJoinAnew(const absl::Status& status) { return absl::IsOutOfRange(status); }

}  // namespace pmoe
