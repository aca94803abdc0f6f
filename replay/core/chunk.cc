#include "replay/core/chunk.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/base/finite.h"
#include "common/base/status_macros.h"
#include "replay/core/nonsense.h"

namespace pmoe {
namespace {

absl::Status Bad(absl::string_view reason, const Chunk& chunk, absl::string_view what) {
  return Nonsense(reason, absl::StrCat("chunk of actor ", chunk.actor, " env ", chunk.env, " seq ",
                                       chunk.seq, ": ", what));
}

absl::Status CheckSize(const Chunk& chunk, absl::string_view column, size_t got, size_t want) {
  if (got == want) return absl::OkStatus();
  return Bad(kBadColumns, chunk,
             absl::StrCat(column, " must hold ", want, " values for ", chunk.rows, " rows, got ",
                          got, "; do the columns match the table's?"));
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
      return Bad(kBadColumns, chunk,
                 absl::StrCat("terminated and truncated must be 0 or 1, got ", chunk.terminated[i],
                              " and ", chunk.truncated[i], " in row ", i));
    }
    if ((chunk.terminated[i] | chunk.truncated[i]) != 0 && i + 1 != chunk.rows) {
      return Bad(kBadColumns, chunk,
                 absl::StrCat("the episode ends in row ", i, " of ", chunk.rows,
                              "; only a chunk's last row may end one"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckFinite(const Chunk& chunk) {
  for (const auto& [name, column] : {std::pair{"observation", &chunk.observations},
                                     {"action", &chunk.actions},
                                     {"reward", &chunk.rewards},
                                     {"extra column", &chunk.extra}}) {
    if (AllFinite(*column)) continue;
    return Bad(kNotFinite, chunk,
               absl::StrCat("an ", name,
                            " is NaN or infinite; replay.reject_nonfinite=false "
                            "takes such rows"));
  }
  return absl::OkStatus();
}

absl::Status CheckChoices(const TableSpec& spec, const ExtraChoices& choices, const Chunk& chunk) {
  if (choices.columns == 0) return absl::OkStatus();
  for (uint32_t i = 0; i < chunk.rows; ++i) {
    const float* const extra = chunk.extra.data() + i * static_cast<size_t>(spec.extra_dim);
    if (AreChoices(choices, extra)) continue;
    return Bad(kBadColumns, chunk,
               absl::StrCat("an extra column of row ", i, " is none of its choices"));
  }
  return absl::OkStatus();
}

}  // namespace

bool AreChoices(const ExtraChoices& choices, const float* extra) {
  for (int column = 0; column < choices.columns; ++column) {
    const float below = static_cast<float>(choices.below[static_cast<size_t>(column)]);
    const float choice = extra[column];
    if (below > 0.0f && !(choice >= 0.0f && choice < below && choice == std::floor(choice))) {
      return false;
    }
  }
  return true;
}

absl::Status ValidateChunk(const TableSpec& spec, const ChunkRules& rules, const Chunk& chunk) {
  if (chunk.rows > kPageRows) {
    return Bad(kBadNumbers, chunk,
               absl::StrCat("rows must be <= ", kPageRows, ", got ", chunk.rows));
  }
  if (chunk.rows == 0 && !chunk.last_of_round) {
    return Bad(kBadNumbers, chunk, "no rows; only a bare last_of_round marker may be empty");
  }
  if (chunk.env >= rules.envs) {
    return Bad(kBadNumbers, chunk, absl::StrCat("env must be < actor.envs = ", rules.envs));
  }
  if (chunk.first_step > kStepsMax || chunk.seq > kStepsMax) {
    return Bad(kBadNumbers, chunk,
               absl::StrCat("seq and first_step must be <= ", kStepsMax, ", got ", chunk.seq,
                            " and ", chunk.first_step));
  }
  PMOE_RETURN_IF_ERROR(CheckSizes(spec, chunk));
  PMOE_RETURN_IF_ERROR(CheckFlags(chunk));
  if (rules.reject_nonfinite) PMOE_RETURN_IF_ERROR(CheckFinite(chunk));
  return CheckChoices(spec, rules.choices, chunk);
}

}  // namespace pmoe
