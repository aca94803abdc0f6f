// The implementations behind Multiply; product.cc chooses. Tests call each.
#pragma once

#include "learner/kernels/product.h"

namespace pmoe {

void MultiplyAvx2(const Product<float>& product);
void MultiplyAvx2(const Product<double>& product);
void MultiplyAvx512(const Product<float>& product);

}  // namespace pmoe
