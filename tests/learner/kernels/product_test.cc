// Products on packed weights against one chain of std::fma per output, bit for bit, for every
// instruction set, shape of a block that is left over, base, epilogue and order of the operands.
#include "learner/kernels/product.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "common/base/rng.h"
#include "learner/kernels/product_isa.h"

namespace pmoe {
namespace {

struct Shape {
  long rows, inner, columns;
};

constexpr Shape kShapes[] = {
    {1, 1, 1},    {1, 11, 256}, {2, 7, 17},    {3, 5, 15},  {4, 256, 33},   {5, 17, 100},
    {7, 33, 65},  {12, 31, 32}, {13, 256, 10}, {25, 8, 48}, {100, 23, 256}, {256, 100, 12},
    {64, 64, 64}, {11, 3, 1},   {16, 8, 1},    {45, 20, 1}, {256, 256, 1},  {100, 64, 1}};

template <typename T>
std::vector<T> Draw(long n, Rng* rng) {
  std::vector<T> values(static_cast<size_t>(n));
  for (T& x : values) x = static_cast<T>(rng->Normal());
  return values;
}

// Operands of one shape, a and b in either order in memory.
template <typename T>
struct Operands {
  Operands(const Shape& s, bool a_transposed, bool b_transposed) : shape(s) {
    Rng rng(3, RngRole::kInit, static_cast<uint32_t>(s.rows));
    a = Draw<T>(s.rows * s.inner, &rng);
    b = Draw<T>(s.inner * s.columns, &rng);
    base = Draw<T>(s.rows * s.columns, &rng);
    mask = Draw<T>(s.rows * s.columns, &rng);
    packed.resize(PackedSize(s.inner, s.columns));
    c.assign(base.size(), T{-1});
    PackJob<T> job = {b.data(),
                      b_transposed ? 1 : s.columns,
                      b_transposed ? s.inner : 1,
                      s.inner,
                      s.columns,
                      packed.data(),
                      s.inner,
                      0,
                      0};
    Pack(job, 0, s.inner);
    product = {.rows = s.rows, .inner = s.inner, .columns = s.columns, .a = a.data()};
    product.a_row = a_transposed ? 1 : s.inner;
    product.a_inner = a_transposed ? s.rows : 1;
    product.packed = packed.data();
    product.base = base.data();
    product.base_row = s.columns;
    product.c = c.data();
    product.c_row = s.columns;
    product.mask = mask.data();
    product.mask_row = s.columns;
    b_inner = job.from_inner;
    b_column = job.from_column;
  }
  T Wanted(long i, long j) const {
    T sum = product.base == nullptr ? T{0} : base[i * product.base_row + j];
    for (long k = 0; k < shape.inner; ++k) {
      sum =
          std::fma(a[i * product.a_row + k * product.a_inner], b[k * b_inner + j * b_column], sum);
    }
    if (product.epilogue == Epilogue::kRelu) return sum < 0 ? T{0} : sum;
    if (product.epilogue == Epilogue::kNone) return sum;
    const long row = product.mask_index == nullptr ? i : product.mask_index[i];
    return mask[row * shape.columns + j] > 0 ? sum : T{0};
  }
  void ExpectEveryBit() const {
    for (long i = 0; i < shape.rows; ++i) {
      for (long j = 0; j < shape.columns; ++j) {
        ASSERT_EQ(c[i * shape.columns + j], Wanted(i, j))
            << shape.rows << " x " << shape.inner << " x " << shape.columns << " at " << i << ", "
            << j;
      }
    }
  }

  Shape shape;
  std::vector<T> a, b, base, mask, packed, c;
  Product<T> product;
  long b_inner, b_column;
};

template <typename T>
void ExpectEveryBitOfAll(void (*multiply)(const Product<T>&)) {
  for (const Shape& shape : kShapes) {
    for (int orders = 0; orders < 4; ++orders) {
      Operands<T> operands(shape, orders % 2 == 1, orders / 2 == 1);
      std::vector<int> reversed;
      for (long i = 0; i < shape.rows; ++i)
        reversed.push_back(static_cast<int>(shape.rows - 1 - i));
      for (const Epilogue epilogue : {Epilogue::kNone, Epilogue::kRelu, Epilogue::kReluMask}) {
        operands.product.epilogue = epilogue;
        operands.product.mask_index = orders % 2 == 1 ? reversed.data() : nullptr;
        multiply(operands.product);
        operands.ExpectEveryBit();
      }
      operands.product.base = nullptr;
      multiply(operands.product);
      operands.ExpectEveryBit();
    }
  }
}

TEST(ProductTest, IsOneChainOfMultiplyAddsOnAvx2) { ExpectEveryBitOfAll<float>(&MultiplyAvx2); }
TEST(ProductTest, IsOneChainOfMultiplyAddsInDouble) { ExpectEveryBitOfAll<double>(&MultiplyAvx2); }
TEST(ProductTest, IsOneChainOfMultiplyAddsOnAvx512) {
  if (!__builtin_cpu_supports("avx512f")) GTEST_SKIP() << "this CPU has no AVX-512";
  ExpectEveryBitOfAll<float>(&MultiplyAvx512);
}

TEST(ProductTest, IsOneChainOfMultiplyAddsAsChosenForThisCpu) {
  ExpectEveryBitOfAll<float>(&Multiply);
}

TEST(ProductTest, ABiasIsOneRowForAll) {
  Operands<float> operands({5, 7, 40}, false, false);
  operands.product.base_row = 0;
  Multiply(operands.product);
  operands.ExpectEveryBit();
}

TEST(ProductTest, PartsOfTheInputInTurnAreOneChain) {
  Operands<float> whole({9, 23, 50}, false, false), parts({9, 23, 50}, false, false);
  Multiply(whole.product);
  constexpr long kFirst = 17;
  std::vector<float> first(PackedSize(kFirst, 50)), second(PackedSize(23 - kFirst, 50));
  Pack({parts.b.data(), 50, 1, kFirst, 50, first.data(), kFirst, 0, 0}, 0, kFirst);
  Pack({parts.b.data() + kFirst * 50, 50, 1, 23 - kFirst, 50, second.data(), 23 - kFirst, 0, 0}, 0,
       23 - kFirst);
  Product<float> product = parts.product;
  product.inner = kFirst;
  product.packed = first.data();
  Multiply(product);
  product.a += kFirst;
  product.inner = 23 - kFirst;
  product.packed = second.data();
  product.base = product.c;
  product.base_row = product.c_row;
  Multiply(product);
  EXPECT_EQ(parts.c, whole.c);
}

// Two layers side by side, packed a few rows at a time, in either order in memory.
TEST(PackTest, PartsStandWhereTheyBelong) {
  Rng rng(5, RngRole::kInit, 0);
  constexpr long kInner = 19, kLeft = 13, kRight = 40;
  const std::vector<float> left = Draw<float>(kInner * kLeft, &rng);
  const std::vector<float> right = Draw<float>(kRight * kInner, &rng);  // transposed
  std::vector<float> packed(PackedSize(kInner, kLeft + kRight));
  for (const auto& [begin, end] : {std::pair{0l, 8l}, std::pair{8l, kInner}}) {
    Pack({left.data(), kLeft, 1, kInner, kLeft, packed.data(), kInner, 0, 0}, begin, end);
    Pack({right.data(), 1, kInner, kInner, kRight, packed.data(), kInner, 0, kLeft}, begin, end);
  }
  for (long k = 0; k < kInner; ++k) {
    for (long j = 0; j < Panels(kLeft + kRight) * kPanelColumns; ++j) {
      const float wanted = j < kLeft            ? left[k * kLeft + j]
                           : j < kLeft + kRight ? right[(j - kLeft) * kInner + k]
                                                : 0.0f;
      EXPECT_EQ(packed[(j / kPanelColumns * kInner + k) * kPanelColumns + j % kPanelColumns],
                wanted)
          << k << ", " << j;
    }
  }
}

}  // namespace
}  // namespace pmoe
