#include "replay/load/row_chunks.h"

#include <cstring>
#include <utility>

#include "common/base/status_macros.h"
#include "replay/core/stream_book.h"

namespace pmoe {

RowChunks::RowChunks(const TableSpec& spec, Sink sink) : spec_(spec), sink_(std::move(sink)) {
  Renew();
}

void RowChunks::Renew() {
  builder_.emplace(ChunkBuilderOptions{.actor = StreamBook::kLoader}, spec_,
                   [this](Chunk chunk) { return Take(std::move(chunk)); });
}

absl::Status RowChunks::Add(const SourceRow& row) {
  const Transition& step = row.transition;
  if (in_episode_ && !GoesOn(row)) PMOE_RETURN_IF_ERROR(EndStream());
  PMOE_RETURN_IF_ERROR(builder_->Add(/*env=*/0, step));
  in_episode_ = !step.terminated && !step.truncated;
  if (in_episode_) head_.assign(step.next_obs.begin(), step.next_obs.end());
  return absl::OkStatus();
}

// In an episode.
bool RowChunks::GoesOn(const SourceRow& row) const {
  const absl::Span<const float> obs = row.transition.obs;
  return row.follows && std::memcmp(head_.data(), obs.data(), obs.size() * sizeof(float)) == 0;
}

// The last row's successor is not the next row.
absl::Status RowChunks::EndStream() {
  PMOE_RETURN_IF_ERROR(builder_->Flush());
  Renew();
  ++next_step_;
  return absl::OkStatus();
}

absl::Status RowChunks::Take(Chunk chunk) {
  chunk.seq = next_seq_++;
  chunk.first_step = next_step_;
  next_step_ += chunk.rows;
  return sink_(std::move(chunk));
}

}  // namespace pmoe
