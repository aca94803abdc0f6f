#include "actor/dense_kernel_loops.h"

namespace pmoe {

// 16 of 32 registers hold sums.
void DenseForwardAvx512(const DenseProblem& problem) {
  Rows</*W=*/16, /*R=*/8, /*P=*/2>(problem, 0);
}

}  // namespace pmoe
