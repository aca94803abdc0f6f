// What critics with quantiles learn from, row by row (TQC, arXiv 2005.04269): the atoms of all
// target critics at one next action, without the largest, each made a target; over several next
// actions (learner.target=expected) the mixture of these distributions by the router's weights. One
// tile of rows at a time; allocates nothing after its construction. Used by one thread. C critics,
// Z quantiles, S draws, Y = C (Z - dropped) atoms of a draw.
#pragma once

#include "learner/kernels/aligned.h"
#include "learner/kernels/quantile_rows.h"
#include "learner/sac/sac_options.h"

namespace pmoe {

template <typename T>
class QuantileTargets {
 public:
  // Of at most `rows` rows at a time.
  QuantileTargets(const SacOptions& options, int draws, long rows);

  // What target critic `critic` says of draw `draw` in each of n rows. atoms: [n, Z]
  void Gather(int critic, int draw, const T* atoms, long n);

  // What makes a target of the atoms of one draw: r + discount (atom - cost), cost = alpha log pi.
  struct Draw {
    T w = 1;
    T reward = 0;
    T discount = 0;
    T cost = 0;
  };
  // After every critic's Gather. Returns the draw's part of the target's mean.
  T Finish(long row, int draw, const Draw& of);

  // Of one critic's quantiles [Z] in that row, after every draw's Finish. Writes the gradient of
  // the loss' mean over the batch, [Z].
  T Loss(long row, const T* quantiles, T* gradient) const;

 private:
  int critics_, quantiles_, kept_, draws_;
  T per_row_;               // 1 / B
  AlignedVector<T> said_;   // [rows, S, C * Z]
  AlignedVector<T> atoms_;  // [rows, S * Y]
  AlignedVector<T> weight_;
  AlignedVector<T> scratch_;  // [C * Z]
};

}  // namespace pmoe
