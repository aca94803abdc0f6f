// A minibatch that has come: the columns of SampleReply one after the other, without padding.
// Decoding copies the bytes once, from the connection's buffers to where the learner reads them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "replay/core/minibatch.h"
#include "replay/core/shard_types.h"

namespace google::protobuf::io {
class ZeroCopyInputStream;
}

namespace pmoe {

// Rows [row, row + rows) of a minibatch; of one of sequences these.
struct BatchSlot {
  Minibatch* batch = nullptr;
  int row = 0;
  int rows = 0;
  bool reject_nonfinite = true;  // NaN or infinity in a column is damage
};

// Reads one serialised SampleReply to its end and its columns into `slot`; with slot.rows = 0 there
// must be none. DataLossError: not such a message, of other sizes than the slot, or sequences that
// are none (CheckSequences); the slot's rows may then hold anything, nothing else is touched.
absl::Status DecodeSampleReply(google::protobuf::io::ZeroCopyInputStream* in, const BatchSlot& slot,
                               ShardCounts* counts);

}  // namespace pmoe
