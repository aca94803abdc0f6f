#include "learner/sac/quantile_targets.h"

#include <algorithm>

namespace pmoe {

template <typename T>
QuantileTargets<T>::QuantileTargets(const SacOptions& options, int draws, long rows)
    : critics_(options.critics()),
      quantiles_(options.quantiles),
      kept_(options.target_atoms()),
      draws_(draws),
      per_row_(T{1} / static_cast<T>(options.batch_size)),
      said_(static_cast<size_t>(rows * draws * critics_ * quantiles_)),
      atoms_(static_cast<size_t>(rows * draws * kept_)),
      weight_(atoms_.size()),
      scratch_(static_cast<size_t>(critics_ * quantiles_)) {}

template <typename T>
void QuantileTargets<T>::Gather(int critic, int draw, const T* atoms, long n) {
  for (long i = 0; i < n; ++i) {
    std::copy_n(atoms + i * quantiles_, quantiles_,
                said_.data() + ((i * draws_ + draw) * critics_ + critic) * quantiles_);
  }
}

template <typename T>
T QuantileTargets<T>::Finish(long row, int draw, const Draw& of) {
  const long at = row * draws_ + draw;
  T* const said = said_.data() + at * critics_ * quantiles_;
  KeepSmallest(critics_ * quantiles_, kept_, scratch_.data(), said);
  const T weight = of.w / static_cast<T>(kept_);
  T mean = 0;
  for (int y = 0; y < kept_; ++y) {
    const size_t to = static_cast<size_t>(at * kept_ + y);
    atoms_[to] = of.reward + of.discount * (said[y] - of.cost);
    weight_[to] = weight;
    mean += weight * atoms_[to];
  }
  return mean;
}

template <typename T>
T QuantileTargets<T>::Loss(long row, const T* quantiles, T* gradient) const {
  const long first = row * draws_ * kept_;
  const T loss =
      QuantileHuber(quantiles_, quantiles,
                    {draws_ * kept_, atoms_.data() + first, weight_.data() + first}, gradient);
  for (int z = 0; z < quantiles_; ++z) gradient[z] *= per_row_;
  return loss;
}

template class QuantileTargets<float>;
template class QuantileTargets<double>;

}  // namespace pmoe
