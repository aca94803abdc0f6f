// The implementations behind Multiply; product.cc chooses. Tests call each.
#pragma once

#include "learner/kernels/product.h"

namespace pmoe {

void MultiplyAvx2(const Product<float>& product);
void MultiplyAvx2(const Product<double>& product);
void MultiplyAvx512(const Product<float>& product);
// With one column and no epilogue, by AVX2: as many rows as it can. How many these are.
long MultiplyColumn(const Product<float>& product);

}  // namespace pmoe
