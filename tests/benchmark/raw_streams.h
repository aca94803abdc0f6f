// Bare gRPC streams between two ends of this process that carry as many bytes as Insert and Sample
// do and never look at them: what the transport alone costs. Thread-compatible; owns the server.
#pragma once

#include <cstddef>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/address.h"
#include "common/rpc/security.h"

namespace pmoe {

// Of both ends. Under TLS the server must be a replay's, the client an actor's: the streams have
// the name of a method that these may use.
struct RawStreamsSecurity {
  RpcSecurity server{}, client{};
};

class RawStreams {
 public:
  static absl::StatusOr<std::unique_ptr<RawStreams>> Start(const RpcAddress& address,
                                                           const RawStreamsSecurity& security = {});
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
