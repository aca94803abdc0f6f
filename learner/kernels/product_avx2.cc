#include "learner/kernels/product_loops.h"

namespace pmoe {

// 12 of 16 registers hold sums.
void MultiplyAvx2(const Product<float>& product) {
  Columns<float, /*W=*/8, /*R=*/6, /*V=*/2>(product);
}
void MultiplyAvx2(const Product<double>& product) {
  Columns<double, /*W=*/4, /*R=*/6, /*V=*/2>(product);
}

}  // namespace pmoe
