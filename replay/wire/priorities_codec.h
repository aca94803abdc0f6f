// What an update found out about its rows as a message, and back. Pure functions.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "proto/replay.pb.h"
#include "replay/core/row_key.h"

namespace pmoe {

void EncodePriorities(absl::Span<const RowKey> rows, absl::Span<const float> errors,
                      UpdatePrioritiesRequest* request);
// Nonsense: bytes that are no whole number of keys. The errors are the message's, and looked at by
// ReplayShard::UpdatePriorities.
absl::StatusOr<std::vector<RowKey>> RowKeysOf(const UpdatePrioritiesRequest& request);

}  // namespace pmoe
