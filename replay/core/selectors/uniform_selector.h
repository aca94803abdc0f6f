// Every row with the same chance, with replacement: the choice of off-policy learners.
#pragma once

#include <cstdint>
#include <vector>

#include "replay/core/selectors/selector.h"

namespace pmoe {

class UniformSelector : public Selector {
 public:
  // Borrows the pool, which must outlive it.
  explicit UniformSelector(const PagePool* pool) : pool_(pool) {}

  void OnOpen(uint32_t page) override;
  void OnReady(RowRef first, int count) override;
  void OnEvict(uint32_t page) override;
  void OnSpent(RowRef row) override;
  absl::Status Check(const SelectRequest& request) const override;
  bool CanSelect(const SelectRequest&) const override { return ready_rows_ > 0; }
  bool MaySelect(int64_t) const override { return ready_rows_ > 0; }
  // Two passes over the rows: a draw for each, then draws again for those that hit no row. The
  // order is part of a run's bits.
  void Select(const SelectRequest& request, Rng* rng, std::vector<RowRef>* rows) override;
  absl::Status LoadState(absl::string_view state) override;

 private:
  const PagePool* pool_;
  std::vector<uint64_t> ready_;  // by slot, a bit for each row
  int64_t ready_rows_ = 0;
};

}  // namespace pmoe
