#include "learner/kernels/product_loops.h"

namespace pmoe {

// 24 of 32 registers hold sums.
void MultiplyAvx512(const Product<float>& product) {
  Columns<float, /*W=*/16, /*R=*/12, /*V=*/2>(product);
}

}  // namespace pmoe
