#include "replay/client/direct_replay_client.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"

namespace pmoe {

namespace fs = std::filesystem;

namespace {

// Who asks a shard of rollouts for sequences is told by the shard.
std::variant<Minibatch, Rollout> MakeNext(const ReplayShard& shard, const BatchShape& shape) {
  if (shard.gives_rollouts() && shape.sequence_rows == 0) return Rollout();
  return Minibatch(shard.spec(), shape);
}

}  // namespace

DirectReplayClient::DirectReplayClient(ReplayShard* shard, int batch_size, std::string folder,
                                       DirectReplayOptions options)
    : shard_(shard),
      folder_(std::move(folder)),
      next_(MakeNext(*shard, {batch_size + options.rows_behind, options.sequence_rows,
                              shard->prioritized()})) {
  Minibatch* const whole = std::get_if<Minibatch>(&next_);
  if (whole != nullptr && options.rows_behind > 0) own_.emplace(whole->Part(0, batch_size));
}

absl::StatusOr<Experience> DirectReplayClient::Next(const RolloutRequest& rollout,
                                                    std::chrono::milliseconds timeout) {
  if (Minibatch* const batch = std::get_if<Minibatch>(&next_)) {
    PMOE_RETURN_IF_ERROR(shard_->Sample(own(), timeout));
    return batch;
  }
  Rollout* const taken = &std::get<Rollout>(next_);
  PMOE_RETURN_IF_ERROR(shard_->TakeRollout(rollout, taken, timeout));
  return taken;
}

absl::Status DirectReplayClient::UpdatePriorities(absl::Span<const float> errors) {
  return shard_->UpdatePriorities({own()->key(), static_cast<size_t>(own()->size())}, errors);
}

std::string DirectReplayClient::File(absl::string_view name) const {
  return absl::StrCat(folder_, "/", name, ".table");
}

absl::Status DirectReplayClient::Commit(uint64_t round, std::chrono::milliseconds timeout) {
  PMOE_RETURN_IF_ERROR(shard_->WaitStaged(round, timeout));
  return shard_->Commit(round);
}

absl::StatusOr<ReplayStats> DirectReplayClient::Stats() {
  const ShardCounts counts = shard_->Counts();
  return ReplayStats{counts.size, counts.inserted, shard_->Explain()};
}

absl::Status DirectReplayClient::Save(absl::string_view name) { return shard_->Save(File(name)); }

absl::Status DirectReplayClient::Restore(absl::string_view name) {
  return shard_->Load(File(name));
}

absl::Status DirectReplayClient::KeepOnly(const std::vector<std::string>& names) {
  std::vector<fs::path> gone;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, error)) {
    const std::string file = entry.path().filename().string();
    const std::string name(absl::StripSuffix(file, ".table"));
    const bool is_table = name != file;
    const bool is_left_behind = absl::EndsWith(file, ".table.tmp");
    if (is_left_behind ||
        (is_table && std::find(names.begin(), names.end(), name) == names.end())) {
      gone.push_back(entry.path());
    }
  }
  for (const fs::path& path : gone) fs::remove(path, error);
  return absl::OkStatus();
}

}  // namespace pmoe
