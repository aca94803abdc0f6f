// Another selector's choice, but each row at most so many times: replay.max_times_sampled. A row
// that was given so often is spent, and the table lets go of it. The count is in the table's file
// and not in the log: rows that a log brings back, or whose samples came after the file, may be
// given again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "replay/core/selectors/selector.h"

namespace pmoe {

class LimitedSelector : public Selector {
 public:
  static constexpr int kTimesMax = UINT16_MAX;

  // times_max: 1 to kTimesMax. Borrows the pool, which must outlive it. The chooser must not hold
  // writers back, nor weigh.
  LimitedSelector(const PagePool* pool, std::unique_ptr<Selector> chooser, int times_max)
      : pool_(pool), chooser_(std::move(chooser)), times_max_(static_cast<uint16_t>(times_max)) {}

  void OnOpen(uint32_t page) override;
  void OnReady(RowRef first, int count) override;
  void OnEvict(uint32_t page) override;
  absl::Status Check(const SelectRequest& request) const override {
    return chooser_->Check(request);
  }
  // A row may come twice in a minibatch, as far as the chooser lets it.
  bool CanSelect(const SelectRequest& request) const override {
    return times_left_ >= request.rows && chooser_->CanSelect(request);
  }
  bool MaySelect(int64_t rows) const override {
    return times_left_ >= rows && chooser_->MaySelect(rows);
  }
  void Select(const SelectRequest& request, Rng* rng, std::vector<RowRef>* rows) override;
  Spent TakeSpent() override;
  std::string ExplainSelect(const SelectRequest& request) const override;

  std::string SaveState() const override;
  absl::Status LoadState(absl::string_view state) override;
  void OnLoaded() override;

 private:
  static size_t PlaceOf(RowRef row) { return size_t{row.page} * kPageRows + row.row; }
  // Counts one time more; false: it had had them all.
  bool Give(RowRef row);

  const PagePool* pool_;
  const std::unique_ptr<Selector> chooser_;
  const uint16_t times_max_;
  std::vector<uint16_t> given_;  // times, by place; 0 where no row can be given
  int64_t times_left_ = 0;       // of all rows that can be given
  Spent spent_;
  std::vector<uint16_t> loaded_;  // given, while the rows of a file come
};

}  // namespace pmoe
