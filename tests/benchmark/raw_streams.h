// Bare gRPC streams between two ends of this process that carry as many bytes as Insert and Sample
// do and never look at them: what the transport alone costs. Thread-compatible; owns the server.
#pragma once

#include <cstddef>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/address.h"

namespace pmoe {

class RawStreams {
 public:
  static absl::StatusOr<std::unique_ptr<RawStreams>> Start(const RpcAddress& address);
  ~RawStreams();

  // Sends messages of `bytes` bytes, each answered by a few, with at most `in_flight` unanswered.
  absl::Status Send(int messages, size_t bytes, int in_flight);
  // The other way round: asks with a few bytes.
  absl::Status Receive(int messages, size_t bytes, int in_flight);

 private:
  class Parts;

  explicit RawStreams(std::unique_ptr<Parts> parts);
  absl::Status Exchange(size_t request_bytes, size_t reply_bytes, int messages, int in_flight);

  std::unique_ptr<Parts> parts_;
};

}  // namespace pmoe
