#include "actor/dense_kernel_loops.h"

namespace pmoe {

// 8 of 16 registers hold sums.
void DenseForwardAvx2(const DenseProblem& problem) { Rows</*W=*/8, /*R=*/4, /*P=*/1>(problem, 0); }

}  // namespace pmoe
