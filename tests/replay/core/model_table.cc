#include "tests/replay/core/model_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "replay/core/sequence.h"

namespace pmoe {
namespace {

std::vector<float> Slice(const std::vector<float>& column, size_t row, size_t width) {
  return {column.begin() + row * width, column.begin() + (row + 1) * width};
}

}  // namespace

void ModelTable::Append(uint32_t actor, uint32_t env, const Chunk& chunk) {
  ModelStream& s = stream(actor, env);
  if (!s.known || chunk.first_step != s.next_step) Cut(&s);
  s.known = true;
  s.next_step = chunk.first_step + chunk.rows;
  for (uint32_t i = 0; i < chunk.rows; ++i) {
    if (!s.in_episode) PlaceRow(&s);
    ModelStep step;
    step.obs = Slice(chunk.observations, i, 3);
    step.next_obs = Slice(chunk.observations, i + 1, 3);
    step.action = Slice(chunk.actions, i, 2);
    step.reward = chunk.rewards[i];
    step.terminated = chunk.terminated[i] != 0;
    step.truncated = chunk.truncated[i] != 0;
    step.ends = step.terminated || step.truncated;
    step.version = chunk.policy_version[i];
    step.page = *s.page;
    s.head = step.next_obs;
    s.in_episode = !step.ends;
    by_id_[step.obs[0]] = {&s, s.history.size()};
    ++pages_[step.page].steps;
    ++inserted_;
    s.history.push_back(step);
    PlaceRow(&s);
    if (!s.in_episode && s.page_rows == kPageRows) Close(&s);
    while (Stored() > capacity_) EvictOldestClosed();
  }
}

void ModelTable::CutActor(uint32_t actor) {
  for (auto& [key, s] : streams_) {
    if (key.first != actor) continue;
    Cut(&s);
    s.known = false;
  }
}

void ModelTable::Spend(const std::vector<float>& ids) {
  for (const float id : ids) {
    auto& [s, i] = by_id_.at(id);
    ASSERT_FALSE(s->history[i].spent);
    s->history[i].spent = true;
    ++pages_.at(s->history[i].page).spent;
  }
  FreeSpent();
}

// Until nothing more can go: what rows that are not spent lead to must stay.
void ModelTable::FreeSpent() {
  if (!limited_) return;
  const auto may_go = [this](const auto& entry) {
    const std::optional<uint64_t> prev = entry.second.prev;
    if (!IsSpent(entry.second)) return false;
    return !prev.has_value() || !pages_.contains(*prev) || IsSpent(pages_.at(*prev));
  };
  while (true) {
    const auto goes = std::find_if(pages_.begin(), pages_.end(), may_go);
    if (goes == pages_.end()) return;
    pages_.erase(goes);
  }
}

bool ModelTable::Eligible(const ModelStream& s, size_t i) const {
  if (!Live(s.history[i]) || s.history[i].spent) return false;
  for (size_t k = i; k < s.history.size(); ++k) {
    if (s.history[k].ends || k + 1 == i + static_cast<size_t>(n_step_)) return true;
  }
  return false;
}

std::vector<float> ModelTable::EligibleIds() const {
  std::vector<float> ids;
  for (const auto& [id, where] : by_id_) {
    if (Eligible(*where.first, where.second)) ids.push_back(id);
  }
  return ids;
}

std::vector<float> ModelTable::NewlyEligible() {
  std::vector<float> ids;
  for (auto& [key, s] : streams_) {
    for (; s.told < s.history.size(); ++s.told) {
      const ModelStep& step = s.history[s.told];
      if (!Live(step)) continue;
      if (!Eligible(s, s.told)) break;
      ids.push_back(step.obs[0]);
    }
  }
  return ids;
}

int64_t ModelTable::Size() const {
  int64_t size = 0;
  for (const auto& [id, page] : pages_) size += page.steps - page.spent;
  return size;
}

int64_t ModelTable::Stored() const {
  int64_t steps = 0;
  for (const auto& [id, page] : pages_) steps += page.steps;
  return steps;
}

void ModelTable::ExpectExact(Minibatch* batch, int b) const {
  const auto found = by_id_.find(batch->obs()[b * 3]);
  ASSERT_NE(found, by_id_.end());
  const auto& [s, first] = found->second;
  ASSERT_TRUE(Eligible(*s, first));
  const ModelStep& step = s->history[first];
  double reward = 0.0;
  size_t n = 0;
  const ModelStep* last = nullptr;
  do {
    last = &s->history[first + n];
    reward += std::pow(gamma_, static_cast<double>(n)) * last->reward;
    ++n;
  } while (!last->ends && n < static_cast<size_t>(n_step_));
  const float discount =
      last->terminated ? 0.0f : static_cast<float>(std::pow(gamma_, static_cast<double>(n)));
  EXPECT_EQ(std::vector<float>(batch->obs() + b * 3, batch->obs() + b * 3 + 3), step.obs);
  EXPECT_EQ(std::vector<float>(batch->action() + b * 2, batch->action() + b * 2 + 2), step.action);
  EXPECT_EQ(std::vector<float>(batch->next_obs() + b * 3, batch->next_obs() + b * 3 + 3),
            last->next_obs);
  EXPECT_EQ(batch->policy_version()[b], step.version);
  EXPECT_NEAR(batch->reward()[b], reward, 1e-6 * (1.0 + std::abs(reward)));
  EXPECT_FLOAT_EQ(batch->discount()[b], discount);
}

uint8_t ModelTable::FlagsOf(const ModelStream& s, size_t i) const {
  const ModelStep& step = s.history[i];
  if (step.terminated || step.truncated) {
    return static_cast<uint8_t>((step.terminated ? kSequenceTerminated : 0) |
                                (step.truncated ? kSequenceTruncated : 0));
  }
  const bool goes_on = !step.ends && i + 1 < s.history.size() && !s.history[i + 1].spent;
  return goes_on ? 0 : kSequenceCut;
}

void ModelTable::ExpectExactSequence(const Minibatch& batch, int b) const {
  const auto rows = static_cast<size_t>(batch.sequence_rows());
  const size_t begin = static_cast<size_t>(b) * rows;
  const auto found = by_id_.find(batch.obs()[begin * 3]);
  ASSERT_NE(found, by_id_.end());
  const auto& [s, first] = found->second;
  ASSERT_TRUE(Eligible(*s, first));
  const auto values = [](const float* column, size_t at, size_t width) {
    return std::vector<float>(column + at * width, column + (at + 1) * width);
  };
  const std::vector<float> zeros(3, 0.0f), two_zeros(2, 0.0f);
  size_t length = 0;
  bool over = false;
  for (size_t at = begin; at < begin + rows; ++at) {
    const ModelStep* const step = over ? nullptr : &s->history[first + at - begin];
    const uint8_t flags = over ? uint8_t{0} : FlagsOf(*s, first + at - begin);
    length += over ? 0 : 1;
    EXPECT_EQ(values(batch.obs(), at, 3), over ? zeros : step->obs);
    EXPECT_EQ(values(batch.action(), at, 2), over ? two_zeros : step->action);
    EXPECT_EQ(values(batch.next_obs(), at, 3), over ? zeros : step->next_obs);
    EXPECT_EQ(batch.policy_version()[at], over ? 0 : step->version);
    EXPECT_EQ(batch.reward()[at], over ? 0.0f : step->reward);
    EXPECT_EQ(batch.discount()[at], over || step->terminated ? 0.0f : static_cast<float>(gamma_));
    EXPECT_EQ(batch.flags()[at], flags);
    over = over || flags != 0;
  }
  EXPECT_EQ(batch.length()[b], length);
}

void ModelTable::PlaceRow(ModelStream* s) {
  if (!s->page.has_value() || s->page_rows == kPageRows) {
    while (pages_max_ > 0 && pages() + 1 > pages_max_) EvictOldestClosed();
    const uint64_t opened = next_page_++;
    pages_[opened].prev = s->page;
    Close(s);
    s->page = opened;
  }
  ++s->page_rows;
}

void ModelTable::Close(ModelStream* s) {
  if (s->page.has_value()) pages_[*s->page].closed = true;
  s->page.reset();
  s->page_rows = 0;
}

void ModelTable::Cut(ModelStream* s) {
  if (s->in_episode) s->history.back().ends = true;
  s->in_episode = false;
  Close(s);
  FreeSpent();
}

void ModelTable::EvictOldestClosed() {
  for (auto it = pages_.begin(); it != pages_.end(); ++it) {
    if (!it->second.closed) continue;
    pages_.erase(it);
    return FreeSpent();
  }
  FAIL() << "nothing to evict";
}

}  // namespace pmoe
