// What a ReplayTable gives: minibatches, rollouts, and its rows one by one for people and checkers.
#include <algorithm>
#include <cstring>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "replay/core/prefetch.h"
#include "replay/core/replay_table.h"

namespace pmoe {

absl::Status ReplayTable::Sample(Rng* rng, Minibatch* batch) {
  if (batch->spec() != spec_) {
    return absl::InvalidArgumentError("the minibatch was made for a table with other columns");
  }
  if (batch->prioritized() != selector_->weighs()) {
    return absl::InvalidArgumentError("the minibatch was made for a table with another selector");
  }
  const SelectRequest request{.rows = batch->size()};
  PMOE_RETURN_IF_ERROR(selector_->Check(request));
  if (!selector_->CanSelect(request)) {
    const std::string lacking = selector_->ExplainSelect(request);
    if (!lacking.empty()) {
      return absl::FailedPreconditionError(absl::StrCat("no minibatch: ", lacking));
    }
    return absl::FailedPreconditionError(
        absl::StrCat("nothing to sample: the table holds ", size_, " transitions and none has all ",
                     options_.n_step, " rewards yet; insert first"));
  }
  chosen_.clear();
  selector_->Select(request, rng, &chosen_);
  batch->sequence_rows() > 0 ? GatherSequences(batch) : GatherRows(batch);
  if (batch->prioritized()) WeighChosen(batch);
  LetGoOfSpent();  // and not before: the batch is read from them
  return absl::OkStatus();
}

// All rows are known before the first is gathered, so that each is on its way to the cache.
void ReplayTable::GatherRows(Minibatch* batch) const {
  constexpr size_t kAhead = 8;
  const size_t floats = static_cast<size_t>(pool_->stride() + spec_.obs_dim);
  for (size_t i = 0; i < chosen_.size(); ++i) {
    if (i + kAhead < chosen_.size()) Prefetch(pool_->row(chosen_[i + kAhead]), floats);
    Gather(chosen_[i], static_cast<int>(i), batch);
  }
}

void ReplayTable::WeighChosen(Minibatch* batch) const {
  selector_->Weigh(chosen_, options_.priority->BetaAt(inserted_), batch->weight());
  for (size_t i = 0; i < chosen_.size(); ++i) {
    const RowRef row = chosen_[i];
    batch->key()[i] = {row.page * kPageRows + row.row,
                       static_cast<uint32_t>(pool_->page(row.page).id)};
  }
}

void ReplayTable::Gather(RowRef row, int i, Minibatch* batch) const {
  const size_t index = static_cast<size_t>(i);
  const size_t obs_dim = static_cast<size_t>(spec_.obs_dim);
  const size_t action_dim = static_cast<size_t>(spec_.action_dim);
  const float* at = pool_->row(row);
  std::memcpy(batch->obs() + index * obs_dim, at, obs_dim * sizeof(float));
  std::memcpy(batch->action() + index * action_dim, at + pool_->action_at(),
              action_dim * sizeof(float));
  batch->policy_version()[i] = PagePool::Word(at + pool_->version_at());

  // R = sum of gamma^k r_k over k < n, where n is n_step or ends with the episode, whose last row
  // is no step.
  double reward = 0.0;
  bool terminated = false;
  size_t n = 0;
  do {
    reward += gamma_power_[n] * pool_->row(row)[pool_->reward_at()];
    terminated = (pool_->flags(row) & kRowTerminated) != 0;
    row = Next(row);
    ++n;
  } while (n < static_cast<size_t>(options_.n_step) && (pool_->flags(row) & kRowStep) != 0);
  batch->reward()[i] = static_cast<float>(reward);
  batch->discount()[i] = terminated ? 0.0f : static_cast<float>(gamma_power_[n]);
  std::memcpy(batch->next_obs() + index * obs_dim, pool_->row(row), obs_dim * sizeof(float));
}

void ReplayTable::Take(const RolloutRequest& request, Rollout* out) {
  chosen_.clear();
  selector_->Select(InOrder(request), /*rng=*/nullptr, &chosen_);
  CopyRollout(out);
  out->dropped = selector_->dropped();
  LetGoOfSpent();  // and not before: the copy reads their successors
}

void ReplayTable::CopyRollout(Rollout* out) const {
  const size_t n = chosen_.size();
  const size_t obs_dim = static_cast<size_t>(spec_.obs_dim);
  const size_t action_dim = static_cast<size_t>(spec_.action_dim);
  const size_t extra_dim = static_cast<size_t>(spec_.extra_dim);
  out->spec = spec_;
  out->obs.resize(n * obs_dim);
  out->action.resize(n * action_dim);
  out->reward.resize(n);
  out->policy_version.resize(n);
  out->extra.resize(n * extra_dim);
  out->segments.clear();
  out->bootstrap_obs.clear();
  for (size_t i = 0; i < n; ++i) {
    const RowRef row = chosen_[i];
    const float* at = pool_->row(row);
    std::copy_n(at, obs_dim, out->obs.data() + i * obs_dim);
    std::copy_n(at + pool_->action_at(), action_dim, out->action.data() + i * action_dim);
    std::copy_n(at + pool_->extra_at(), extra_dim, out->extra.data() + i * extra_dim);
    out->reward[i] = at[pool_->reward_at()];
    out->policy_version[i] = PagePool::Word(at + pool_->version_at());
    const bool continues =
        i > 0 && out->segments.back().end == SegmentEnd::kCut && IsNextStep(row, chosen_[i - 1]);
    if (!continues) {
      const Page& page = pool_->page(row.page);
      out->segments.push_back(
          {page.actor, page.epoch, page.env, static_cast<int64_t>(i), 0, SegmentEnd::kCut});
      out->bootstrap_obs.resize(out->bootstrap_obs.size() + obs_dim);
    }
    RolloutSegment& segment = out->segments.back();
    ++segment.length;
    const uint32_t flags = pool_->flags(row);
    if ((flags & kRowTruncated) != 0) segment.end = SegmentEnd::kTruncated;
    if ((flags & kRowTerminated) != 0) segment.end = SegmentEnd::kTerminated;
    std::copy_n(pool_->row(Next(row)), obs_dim, out->bootstrap_obs.end() - spec_.obs_dim);
  }
}

// As a rule the row's successor; but a stream that was cut for nothing, because its actor only
// seemed to be gone, goes on as well.
bool ReplayTable::IsNextStep(RowRef row, RowRef before) const {
  if (row == Next(before)) return true;
  const Page& page = pool_->page(row.page);
  const Page& last = pool_->page(before.page);
  return page.member == last.member && page.actor == last.actor && page.env == last.env &&
         page.epoch == last.epoch && StepOf(row) == StepOf(before) + 1;
}

uint64_t ReplayTable::StepOf(RowRef row) const {
  uint64_t step = pool_->page(row.page).first_step;
  for (uint32_t i = 0; i < row.row; ++i) step += (pool_->flags({row.page, i}) & kRowStep) != 0;
  return step;
}

void ReplayTable::VisitSteps(const std::function<void(const StoredStep&)>& visit) const {
  std::vector<uint32_t> slots;
  for (uint32_t slot = 0; slot < pool_->slots(); ++slot) {
    if (pool_->page(slot).live) slots.push_back(slot);
  }
  const auto order = [this](uint32_t slot) {
    const Page& page = pool_->page(slot);
    return std::make_tuple(page.member, page.actor, page.env, page.id);
  };
  std::sort(slots.begin(), slots.end(),
            [&](uint32_t a, uint32_t b) { return order(a) < order(b); });
  for (const uint32_t slot : slots) VisitPage(slot, visit);
}

void ReplayTable::VisitPage(uint32_t slot,
                            const std::function<void(const StoredStep&)>& visit) const {
  const Page& page = pool_->page(slot);
  const auto span = [](const float* at, int width) {
    return absl::MakeConstSpan(at, static_cast<size_t>(width));
  };
  StoredStep stored{page.member, page.actor, page.epoch, page.env, page.first_step, {}};
  for (uint32_t i = 0; i < page.rows; ++i) {
    const RowRef row{slot, i};
    const uint32_t flags = pool_->flags(row);
    if ((flags & kRowStep) == 0) continue;
    if ((flags & kRowTaken) != 0) {  // what it leads to may be gone
      ++stored.step;
      continue;
    }
    const float* at = pool_->row(row);
    stored.transition = {.obs = span(at, spec_.obs_dim),
                         .action = span(at + pool_->action_at(), spec_.action_dim),
                         .reward = at[pool_->reward_at()],
                         .terminated = (flags & kRowTerminated) != 0,
                         .truncated = (flags & kRowTruncated) != 0,
                         .next_obs = span(pool_->row(Next(row)), spec_.obs_dim),
                         .policy_version = PagePool::Word(at + pool_->version_at()),
                         .extra = span(at + pool_->extra_at(), spec_.extra_dim)};
    visit(stored);
    ++stored.step;
  }
}

}  // namespace pmoe
