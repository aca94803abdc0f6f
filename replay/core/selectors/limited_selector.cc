#include "replay/core/selectors/limited_selector.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr uint32_t kStateTag = 0x494d494cu;  // "LIMI"

}  // namespace

void LimitedSelector::OnOpen(uint32_t page) {
  const size_t places = size_t{pool_->slots()} * kPageRows;
  if (given_.size() < places) given_.resize(places, 0);
  chooser_->OnOpen(page);
}

// A row that a file brings back can be given once at least, whatever the count says.
void LimitedSelector::OnReady(RowRef first, int count) {
  for (size_t i = PlaceOf(first); i < PlaceOf(first) + static_cast<size_t>(count); ++i) {
    const uint16_t before = i < loaded_.size() ? loaded_[i] : uint16_t{0};
    given_[i] = std::min(before, static_cast<uint16_t>(times_max_ - 1));
    times_left_ += times_max_ - given_[i];
  }
  chooser_->OnReady(first, count);
}

void LimitedSelector::OnEvict(uint32_t page) {
  for (uint32_t i = 0; i < pool_->page(page).rows; ++i) {
    const RowRef row{page, i};
    if ((pool_->flags(row) & kRowReady) != 0) times_left_ -= times_max_ - given_[PlaceOf(row)];
    given_[PlaceOf(row)] = 0;
  }
  chooser_->OnEvict(page);
}

bool LimitedSelector::Give(RowRef row) {
  uint16_t& times = given_[PlaceOf(row)];
  if (times == times_max_) return false;
  --times_left_;
  if (++times == times_max_) {
    chooser_->OnSpent(row);
    spent_.rows.push_back(row);
  }
  return true;
}

// Rows that were drawn once too often in this very minibatch are drawn again.
void LimitedSelector::Select(const SelectRequest& request, Rng* rng, std::vector<RowRef>* rows) {
  size_t have = rows->size();
  const size_t wanted = have + static_cast<size_t>(request.rows);
  while (have < wanted) {
    rows->resize(have);
    chooser_->Select({.rows = static_cast<int64_t>(wanted - have)}, rng, rows);
    for (size_t i = have; i < wanted; ++i) {
      if (Give((*rows)[i])) (*rows)[have++] = (*rows)[i];
    }
  }
}

Spent LimitedSelector::TakeSpent() {
  for (const RowRef row : spent_.rows) given_[PlaceOf(row)] = 0;
  return std::exchange(spent_, {});
}

std::string LimitedSelector::ExplainSelect(const SelectRequest& request) const {
  const std::string rows = chooser_->ExplainSelect(request);
  return absl::StrCat(rows.empty() ? absl::StrCat("a minibatch has ", request.rows, " rows") : rows,
                      "; with replay.max_times_sampled ", times_max_,
                      " those that are held can be ", "given ", times_left_, " times in all");
}

std::string LimitedSelector::SaveState() const {
  ByteWriter out;
  out.Pod(kStateTag);
  out.Vector(given_);
  out.String(chooser_->SaveState());
  return out.Take();
}

absl::Status LimitedSelector::LoadState(absl::string_view state) {
  ByteReader in(state);
  uint32_t tag = 0;
  in.Pod(&tag);
  if (tag != kStateTag) return chooser_->LoadState(state);  // of a table without the limit
  std::string chooser;
  in.Vector(&loaded_);
  in.String(&chooser);
  PMOE_RETURN_IF_ERROR(in.Finish("the selector block"));
  return chooser_->LoadState(chooser);
}

void LimitedSelector::OnLoaded() {
  given_.resize(size_t{pool_->slots()} * kPageRows, 0);  // as one that was not loaded
  loaded_.clear();
  loaded_.shrink_to_fit();
  chooser_->OnLoaded();
}

}  // namespace pmoe
