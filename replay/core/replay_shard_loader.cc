// Rows of files, which enter a ReplayShard beside what its actors send.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "replay/core/nonsense.h"
#include "replay/core/replay_shard.h"

namespace pmoe {

void ReplayShard::CountInsert(const Chunk& chunk) {
  if (chunk.actor != StreamBook::kLoader) gate_.OnInsert(chunk.rows);
}

absl::Status ReplayShard::ValidateActors(const Chunk& chunk) const {
  if (chunk.actor != StreamBook::kLoader) {
    return ValidateChunk(options_.spec, options_.rules, chunk);
  }
  return Nonsense(kBadNumbers, absl::StrCat("no actor has the index ", chunk.actor));
}

absl::Status ReplayShard::InsertLoaded(Chunk chunk) {
  chunk.member = chunk.epoch = chunk.env = 0;
  chunk.actor = StreamBook::kLoader;
  chunk.seq = chunk.first_step = 0;
  PMOE_RETURN_IF_ERROR(ValidateChunk(options_.spec, options_.rules, chunk));
  for (const uint32_t version : chunk.policy_version) {
    if (version == 0) continue;
    return Nonsense(kUnknownVersion, absl::StrCat("a row of a file is of policy version ", version,
                                                  "; only this run's actors have policies"));
  }
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(gate_.cancelled());
  const StreamBook::Writer* const loader = state_.table.book().Find(chunk.member, chunk.actor);
  if (loader != nullptr) chunk.seq = loader->next_seq;
  chunk.first_step = static_cast<uint64_t>(state_.table.loaded());
  PMOE_RETURN_IF_ERROR(Enter(chunk));
  if (journal_ != nullptr) WriteDown(EncodeRecord(chunk));
  WakeBlocked();
  return absl::OkStatus();
}

}  // namespace pmoe
