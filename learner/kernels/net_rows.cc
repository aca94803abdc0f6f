#include "learner/kernels/net_rows.h"

namespace pmoe {

template <typename T>
NetRows<T>::NetRows(const NetPlan& plan, long capacity) : capacity_(capacity) {
  for (const NetNode& node : plan.nodes()) {
    widths_.push_back(node.width);
    data_.emplace_back(static_cast<size_t>(capacity * node.width));
    inverse_std_.emplace_back(static_cast<size_t>(node.norm ? capacity : 0));
  }
}

template class NetRows<float>;
template class NetRows<double>;

}  // namespace pmoe
