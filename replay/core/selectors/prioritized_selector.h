// Rows in proportion to their priority, with replacement (Schaul et al. 2015, arXiv 1511.05952,
// proportional): p = (|TD error| + 1e-6)^alpha of the last update that learned from the row. A new
// row has the highest p that there ever was, so that each is soon seen once. The learner weighs
// what it gets by (N P(row))^-beta over the largest of the minibatch, which undoes the preference
// in its loss. Which rows come is a function of the seed, the rows and the updates alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "replay/core/selectors/selector.h"
#include "replay/core/selectors/sum_tree.h"

namespace pmoe {

struct PriorityOptions {
  double alpha = 0.6;  // 0: every row alike, 1: in proportion to the error
  // Of the weights: when nothing was inserted yet, and from beta_rows rows ever inserted on;
  // between them linearly.
  double beta = 0.4;
  double beta_end = 1.0;
  int64_t beta_rows = 1'000'000;
  int64_t update_rows_max = 1 << 20;  // of one update: those of the largest minibatch

  absl::Status Validate() const;
  double BetaAt(int64_t inserted) const;
};

class PrioritizedSelector : public Selector {
 public:
  // Of an error: the square of a larger one is no float, so that no learner goes on with it.
  static constexpr float kErrorMax = 2e19f;

  // The options must be valid. Borrows the pool, which must outlive it.
  PrioritizedSelector(const PagePool* pool, const PriorityOptions& options)
      : pool_(pool), alpha_(options.alpha) {}

  void OnOpen(uint32_t page) override;
  void OnReady(RowRef first, int count) override;
  void OnEvict(uint32_t page) override;
  absl::Status Check(const SelectRequest& request) const override;
  bool CanSelect(const SelectRequest&) const override { return tree_.total() > 0.0; }
  bool MaySelect(int64_t) const override { return tree_.total() > 0.0; }
  // One number of *rng for each row, in their order: part of a run's bits.
  void Select(const SelectRequest& request, Rng* rng, std::vector<RowRef>* rows) override;

  bool weighs() const override { return true; }
  void Weigh(absl::Span<const RowRef> rows, double beta, float* weights) const override;
  int64_t Update(absl::Span<const RowKey> rows, absl::Span<const float> errors) override;

  std::string SaveState() const override;
  absl::Status LoadState(absl::string_view state) override;
  void OnLoaded() override;

 private:
  static size_t PlaceOf(RowRef row) { return size_t{row.page} * kPageRows + row.row; }
  bool IsHere(const RowKey& key) const;

  const PagePool* pool_;
  const double alpha_;
  SumTree tree_;               // of p, by place; 0: no row that can be given
  float newest_ = 1.0f;        // of a new row: the highest p ever
  std::vector<float> loaded_;  // by place, while the rows of a file come
};

}  // namespace pmoe
