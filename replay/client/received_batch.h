// What a Sample stream reads instead of a SampleReply: gRPC hands over the message's bytes, and the
// columns go from its buffers straight into the minibatch. Thread-compatible.
#pragma once

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "grpcpp/support/status.h"
#include "replay/wire/batch_codec.h"

namespace pmoe {

struct ReceivedBatch {
  // Where the message belongs; asked once it is there.
  std::function<absl::StatusOr<BatchSlot>()> slot;
  ShardCounts counts;
  absl::Status status;  // of the last message; when it is an error, Read has returned false
};

absl::Status DecodeInto(grpc::ByteBuffer* bytes, ReceivedBatch* batch);

}  // namespace pmoe

namespace grpc {

template <>
class SerializationTraits<pmoe::ReceivedBatch, void> {
 public:
  static Status Deserialize(ByteBuffer* bytes, pmoe::ReceivedBatch* batch) {
    batch->status = pmoe::DecodeInto(bytes, batch);
    bytes->Clear();
    return batch->status.ok() ? Status::OK : Status(StatusCode::DATA_LOSS, "damaged minibatch");
  }
};

}  // namespace grpc
