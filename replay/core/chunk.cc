#include "replay/core/chunk.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

absl::Status Bad(const Chunk& chunk, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("chunk of actor ", chunk.actor, " env ", chunk.env,
                                                 " seq ", chunk.seq, ": ", what));
}

absl::Status CheckSize(const Chunk& chunk, absl::string_view column, size_t got, size_t want) {
  if (got == want) return absl::OkStatus();
  return Bad(chunk, absl::StrCat(column, " must hold ", want, " values for ", chunk.rows,
                                 " rows, got ", got, "; do the columns match the table's?"));
}

absl::Status CheckSizes(const TableSpec& spec, const Chunk& chunk) {
  const size_t n = chunk.rows;
  const size_t observations = n == 0 ? 0 : n + 1;
  PMOE_RETURN_IF_ERROR(CheckSize(chunk, "observations", chunk.observations.size(),
                                 observations * static_cast<size_t>(spec.obs_dim)));
  PMOE_RETURN_IF_ERROR(
      CheckSize(chunk, "actions", chunk.actions.size(), n * static_cast<size_t>(spec.action_dim)));
  PMOE_RETURN_IF_ERROR(CheckSize(chunk, "rewards", chunk.rewards.size(), n));
  PMOE_RETURN_IF_ERROR(CheckSize(chunk, "terminated", chunk.terminated.size(), n));
  PMOE_RETURN_IF_ERROR(CheckSize(chunk, "truncated", chunk.truncated.size(), n));
  PMOE_RETURN_IF_ERROR(CheckSize(chunk, "policy_version", chunk.policy_version.size(), n));
  return CheckSize(chunk, "extra", chunk.extra.size(), n * static_cast<size_t>(spec.extra_dim));
}

absl::Status CheckFlags(const Chunk& chunk) {
  for (uint32_t i = 0; i < chunk.rows; ++i) {
    if (chunk.terminated[i] > 1 || chunk.truncated[i] > 1) {
      return Bad(chunk,
                 absl::StrCat("terminated and truncated must be 0 or 1, got ", chunk.terminated[i],
                              " and ", chunk.truncated[i], " in row ", i));
    }
    if ((chunk.terminated[i] | chunk.truncated[i]) != 0 && i + 1 != chunk.rows) {
      return Bad(chunk, absl::StrCat("the episode ends in row ", i, " of ", chunk.rows,
                                     "; only a chunk's last row may end one"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateChunk(const TableSpec& spec, const Chunk& chunk) {
  if (chunk.rows > kPageRows) {
    return Bad(chunk, absl::StrCat("rows must be <= ", kPageRows, ", got ", chunk.rows));
  }
  if (chunk.rows == 0 && !chunk.last_of_round) {
    return Bad(chunk, "no rows; only a bare last_of_round marker may be empty");
  }
  if (chunk.first_step > std::numeric_limits<uint64_t>::max() - kPageRows) {
    return Bad(chunk, absl::StrCat("first_step ", chunk.first_step, " leaves no room to count on"));
  }
  PMOE_RETURN_IF_ERROR(CheckSizes(spec, chunk));
  return CheckFlags(chunk);
}

}  // namespace pmoe
