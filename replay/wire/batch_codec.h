// A minibatch as it travels: the columns of SampleReply one after the other, without padding.
#pragma once

#include <cstddef>
#include <string>

#include "replay/core/minibatch.h"

namespace pmoe {

// Bytes of the columns of `rows` rows.
size_t PackedBytes(const TableSpec& spec, int rows);

// Replaces `columns` by the batch's, in the order of proto/replay.proto.
void PackColumns(Minibatch* batch, std::string* columns);

}  // namespace pmoe
