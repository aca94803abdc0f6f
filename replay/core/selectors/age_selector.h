// The newest rows, or the oldest that are held: replay.selector=lifo and fifo of off-policy
// learners. A minibatch has each row once, and the next one begins at the same end again. Age is
// the order in which rows could first be given. Draws nothing. (FifoSelector is another thing: the
// rollouts of on-policy learners, whose rows are gone once they were given.)
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "replay/core/selectors/selector.h"

namespace pmoe {

enum class RowAge { kNewest, kOldest };

class AgeSelector : public Selector {
 public:
  // Borrows the pool, which must outlive it.
  AgeSelector(const PagePool* pool, RowAge age) : pool_(pool), age_(age) {}

  void OnOpen(uint32_t page) override;
  void OnReady(RowRef first, int count) override;
  void OnEvict(uint32_t page) override;
  void OnSpent(RowRef row) override;
  absl::Status Check(const SelectRequest& request) const override;
  bool CanSelect(const SelectRequest& request) const override { return MaySelect(request.rows); }
  bool MaySelect(int64_t rows) const override { return ready_rows_ >= rows; }
  // From the end outwards: the newest row first, or the oldest.
  void Select(const SelectRequest& request, Rng*, std::vector<RowRef>* rows) override;
  std::string ExplainSelect(const SelectRequest& request) const override;

  // The order of the rows that can be given.
  std::string SaveState() const override;
  absl::Status LoadState(absl::string_view state) override;
  void OnLoaded() override;

 private:
  // Rows that follow each other on a page and came one after the other.
  struct Run {
    uint32_t page = 0;
    uint32_t row = 0;
    uint32_t rows = 0;
    uint64_t id = 0;  // the page's, for its slot may have another one by now
  };
  struct SavedRun {
    uint32_t place = 0;  // of the first row: kPageRows * slot + row
    uint32_t rows = 0;
  };

  // Those of the run that can be given now, as bits of its page.
  uint64_t Ready(const Run& run) const;
  // Of a page, oldest first, behind all that are there.
  void Add(RowRef first, uint32_t count);
  void AddBits(uint32_t page, uint64_t bits);
  void DropDeadRuns();

  const PagePool* pool_;
  const RowAge age_;
  std::vector<uint64_t> ready_;  // by slot, a bit for each row that can be given
  int64_t ready_rows_ = 0;
  std::deque<Run> runs_;  // oldest first; in some no row can be given any more
  size_t runs_max_ = 0;   // that there may be before the dead ones are dropped
  std::vector<SavedRun> loaded_;
};

}  // namespace pmoe
