#include "replay/client/mixed_replay_client.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

// The last rows of a minibatch: all of another one's.
void CopyBehind(Minibatch* from, int row, Minibatch* batch) {
  Minibatch to = batch->Part(row, from->size());
  const auto copy = [rows = from->size()](const auto* values, int width, auto* out) {
    std::copy_n(values, static_cast<ptrdiff_t>(rows) * width, out);
  };
  copy(from->obs(), from->spec().obs_dim, to.obs());
  copy(from->action(), from->spec().action_dim, to.action());
  copy(from->reward(), 1, to.reward());
  copy(from->discount(), 1, to.discount());
  copy(from->next_obs(), from->spec().obs_dim, to.next_obs());
  copy(from->policy_version(), 1, to.policy_version());
  if (!from->prioritized()) return;
  copy(from->weight(), 1, to.weight());
  copy(from->key(), 1, to.key());
}

}  // namespace

void MixedReplayClient::Expect(int64_t times) {
  own_->Expect(times);
  demos_->Expect(times);
}

absl::StatusOr<Experience> MixedReplayClient::Next(const RolloutRequest& rollout,
                                                   std::chrono::milliseconds timeout) {
  // A wait for the second table that ran out must not cost the first another draw.
  if (begun_ == nullptr) {
    PMOE_ASSIGN_OR_RETURN(const Experience own, own_->Next(rollout, timeout));
    begun_ = std::get<Minibatch*>(own);
  }
  PMOE_ASSIGN_OR_RETURN(const Experience given, demos_->Next(rollout, timeout));
  Minibatch* const demos = std::get<Minibatch*>(given);
  Minibatch* const batch = std::exchange(begun_, nullptr);
  PMOE_CHECK(own_rows_ + demos->size() == batch->size());
  CopyBehind(demos, own_rows_, batch);
  return batch;
}

absl::Status MixedReplayClient::UpdatePriorities(absl::Span<const float> errors) {
  const size_t own_rows = static_cast<size_t>(own_rows_);
  PMOE_CHECK(errors.size() > own_rows);
  const absl::Status told = own_->UpdatePriorities(errors.first(own_rows));
  absl::Status status = demos_->UpdatePriorities(errors.subspan(own_rows));
  return told.ok() ? status : told;
}

void MixedReplayClient::OnPublish(uint64_t version) {
  own_->OnPublish(version);
  demos_->OnPublish(version);
}

absl::Status MixedReplayClient::Commit(uint64_t round, std::chrono::milliseconds timeout) {
  return own_->Commit(round, timeout);
}

// The run's own last: a checkpoint without its table is passed over, whatever else there is.
absl::Status MixedReplayClient::Save(absl::string_view name) {
  PMOE_RETURN_IF_ERROR(demos_->Save(name));
  return own_->Save(name);
}

absl::Status MixedReplayClient::Restore(absl::string_view name) {
  begun_ = nullptr;
  PMOE_RETURN_IF_ERROR(own_->Restore(name));
  return demos_->Restore(name);
}

absl::Status MixedReplayClient::KeepOnly(const std::vector<std::string>& names) {
  PMOE_RETURN_IF_ERROR(own_->KeepOnly(names));
  return demos_->KeepOnly(names);
}

}  // namespace pmoe
