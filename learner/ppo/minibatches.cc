#include "learner/ppo/minibatches.h"

#include <numeric>
#include <utility>

namespace pmoe {

std::vector<int64_t> Shuffled(int64_t rows, Rng* rng) {
  std::vector<int64_t> order(static_cast<size_t>(rows));
  std::iota(order.begin(), order.end(), int64_t{0});
  for (size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[rng->UniformInt(i)]);
  }
  return order;
}

}  // namespace pmoe
