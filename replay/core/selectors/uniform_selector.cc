#include "replay/core/selectors/uniform_selector.h"

#include <bit>

#include "absl/types/span.h"

namespace pmoe {

static_assert(kPageRows == 64);  // a page's rows are the bits of a word

void UniformSelector::OnOpen(uint32_t page) {
  if (ready_.size() < pool_->slots()) ready_.resize(pool_->slots(), 0);
  ready_[page] = 0;
}

void UniformSelector::OnReady(RowRef first, int count) {
  ready_[first.page] |= (~uint64_t{0} >> (kPageRows - count)) << first.row;
  ready_rows_ += count;
}

void UniformSelector::OnEvict(uint32_t page) {
  ready_rows_ -= std::popcount(ready_[page]);
  ready_[page] = 0;
}

void UniformSelector::OnSpent(RowRef row) {
  ready_[row.page] &= ~(uint64_t{1} << row.row);
  --ready_rows_;
}

absl::Status UniformSelector::Check(const SelectRequest& request) const {
  if (!request.in_order) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "this shard's rows are sampled; only one made with on_policy gives rollouts");
}

void UniformSelector::Select(const SelectRequest& request, Rng* rng, std::vector<RowRef>* rows) {
  const size_t before = rows->size();
  rows->resize(before + static_cast<size_t>(request.rows));
  const absl::Span<RowRef> drawn = absl::MakeSpan(*rows).subspan(before);
  const uint64_t range = uint64_t{pool_->slots()} * kPageRows;
  const auto draw = [&] {
    const uint64_t number = rng->UniformInt(range);
    return RowRef{static_cast<uint32_t>(number / kPageRows),
                  static_cast<uint32_t>(number % kPageRows)};
  };
  for (RowRef& row : drawn) row = draw();
  const uint64_t* const ready = ready_.data();
  for (RowRef& row : drawn) {
    while ((ready[row.page] >> row.row & 1) == 0) row = draw();
  }
}

absl::Status UniformSelector::LoadState(absl::string_view state) {
  if (state.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "the saved shard kept rollouts, priorities or an order of its rows, this one keeps a table "
      "that is sampled uniformly; resume with its algorithm, replay.selector and "
      "replay.max_times_sampled");
}

}  // namespace pmoe
