// Reading a ReplayTable row by row, for people and checkers; the learner's way is Sample.
#include <algorithm>
#include <tuple>
#include <vector>

#include "replay/core/replay_table.h"

namespace pmoe {

void ReplayTable::VisitSteps(const std::function<void(const StoredStep&)>& visit) const {
  std::vector<uint32_t> slots;
  for (uint32_t slot = 0; slot < pool_.slots(); ++slot) {
    if (pool_.page(slot).live) slots.push_back(slot);
  }
  const auto order = [this](uint32_t slot) {
    const Page& page = pool_.page(slot);
    return std::make_tuple(page.member, page.actor, page.env, page.id);
  };
  std::sort(slots.begin(), slots.end(),
            [&](uint32_t a, uint32_t b) { return order(a) < order(b); });
  for (const uint32_t slot : slots) VisitPage(slot, visit);
}

void ReplayTable::VisitPage(uint32_t slot,
                            const std::function<void(const StoredStep&)>& visit) const {
  const Page& page = pool_.page(slot);
  const auto span = [](const float* at, int width) {
    return absl::MakeConstSpan(at, static_cast<size_t>(width));
  };
  StoredStep stored{page.member, page.actor, page.epoch, page.env, page.first_step, {}};
  for (uint32_t i = 0; i < page.rows; ++i) {
    const RowRef row{slot, i};
    const uint32_t flags = pool_.flags(row);
    if ((flags & kRowStep) == 0) continue;
    const float* at = pool_.row(row);
    stored.transition = {.obs = span(at, spec_.obs_dim),
                         .action = span(at + pool_.action_at(), spec_.action_dim),
                         .reward = at[pool_.reward_at()],
                         .terminated = (flags & kRowTerminated) != 0,
                         .truncated = (flags & kRowTruncated) != 0,
                         .next_obs = span(pool_.row(Next(row)), spec_.obs_dim),
                         .policy_version = PagePool::Word(at + pool_.version_at()),
                         .extra = span(at + pool_.extra_at(), spec_.extra_dim)};
    visit(stored);
    ++stored.step;
  }
}

}  // namespace pmoe
