// The dense layers of the actor against one chain of std::fma per output, bit for bit.
#include "actor/dense_layer.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "actor/dense_kernel.h"
#include "common/base/rng.h"

namespace pmoe {
namespace {

struct Shape {
  int rows, inputs, outputs;
};

// Every way the blocks can be filled and left over, and the sizes of real policies.
constexpr Shape kShapes[] = {{1, 1, 1},     {1, 11, 256},  {1, 256, 12},  {2, 7, 17},
                             {3, 5, 15},    {4, 256, 256}, {5, 17, 100},  {7, 33, 65},
                             {8, 348, 256}, {9, 256, 170}, {13, 256, 10}, {64, 256, 48}};

std::vector<float> Draw(size_t n, Rng* rng) {
  std::vector<float> values(n);
  rng->FillNormal(values.data(), n);
  return values;
}

DenseLayer Layer(int inputs, int outputs, int blocks = 1) {
  return {"layer", "obs", inputs, outputs, Activation::kIdentity, blocks};
}

class DenseLayerTest : public ::testing::Test {
 protected:
  void Make(const Shape& shape) {
    Rng rng(3, RngRole::kInit, shape.rows);
    x_ = Draw(shape.rows * shape.inputs, &rng);
    w_ = Draw(shape.inputs * shape.outputs, &rng);
    b_ = Draw(shape.outputs, &rng);
  }
  float Wanted(const Shape& shape, int row, int column, bool relu) const {
    float sum = 0.0f;
    for (int k = 0; k < shape.inputs; ++k) {
      sum = std::fma(x_[row * shape.inputs + k], w_[k * shape.outputs + column], sum);
    }
    sum += b_[column];
    return relu && sum < 0.0f ? 0.0f : sum;
  }
  void ExpectEveryBit(const Shape& shape, bool relu, const std::vector<float>& y) const {
    for (int row = 0; row < shape.rows; ++row) {
      for (int column = 0; column < shape.outputs; ++column) {
        ASSERT_EQ(std::bit_cast<uint32_t>(y[row * shape.outputs + column]),
                  std::bit_cast<uint32_t>(Wanted(shape, row, column, relu)))
            << shape.rows << " x " << shape.inputs << " x " << shape.outputs << " at " << row
            << ", " << column;
      }
    }
  }

  std::vector<float> x_, w_, b_;
};

TEST_F(DenseLayerTest, EveryOutputIsOneChainInOrder) {
  for (const Shape& shape : kShapes) {
    Make(shape);
    PackedLayer layer;
    layer.Pack(w_.data(), b_.data(), Layer(shape.inputs, shape.outputs));
    std::vector<float> y(shape.rows * shape.outputs);
    for (const bool relu : {false, true}) {
      layer.Forward(x_.data(), shape.rows, relu, y.data());
      ExpectEveryBit(shape, relu, y);
    }
  }
}

// The other instruction sets that this CPU has.
TEST_F(DenseLayerTest, InstructionSetsAgree) {
  for (const Shape& shape : kShapes) {
    if (shape.outputs > kPanel) continue;  // one panel is packed as it is
    Make(shape);
    std::vector<float> packed(shape.inputs * kPanel), y(shape.rows * shape.outputs);
    for (int k = 0; k < shape.inputs; ++k) {
      for (int c = 0; c < shape.outputs; ++c) packed[k * kPanel + c] = w_[k * shape.outputs + c];
    }
    std::vector<float> bias = b_;
    bias.resize(kPanel);
    const DenseProblem problem{.x = x_.data(),
                               .rows = shape.rows,
                               .inner = shape.inputs,
                               .x_stride = shape.inputs,
                               .packed = packed.data(),
                               .bias = bias.data(),
                               .relu = false,
                               .columns = shape.outputs,
                               .y = y.data(),
                               .y_stride = shape.outputs};
    DenseForwardAvx2(problem);
    ExpectEveryBit(shape, false, y);
    if (!__builtin_cpu_supports("avx512f")) continue;
    DenseForwardAvx512(problem);
    ExpectEveryBit(shape, false, y);
  }
}

TEST_F(DenseLayerTest, NewWeightsReplaceTheOld) {
  const Shape shape{2, 7, 17};
  PackedLayer layer;
  Make({2, 9, 40});
  layer.Pack(w_.data(), b_.data(), Layer(9, 40));
  Make(shape);
  layer.Pack(w_.data(), b_.data(), Layer(shape.inputs, shape.outputs));
  std::vector<float> y(shape.rows * shape.outputs);
  layer.Forward(x_.data(), shape.rows, false, y.data());
  ExpectEveryBit(shape, false, y);
}

// Block b of the outputs is a layer of its own on block b of the inputs.
TEST_F(DenseLayerTest, BlocksAreLayersSideBySide) {
  constexpr int kRows = 3, kBlocks = 4, kInner = 9, kColumns = 21;
  Make({kRows, kBlocks * kInner, kBlocks * kColumns});
  PackedLayer layer;
  layer.Pack(w_.data(), b_.data(), Layer(kBlocks * kInner, kBlocks * kColumns, kBlocks));
  std::vector<float> y(kRows * kBlocks * kColumns);
  layer.Forward(x_.data(), kRows, false, y.data());
  for (int row = 0; row < kRows; ++row) {
    for (int c = 0; c < kBlocks * kColumns; ++c) {
      float sum = 0.0f;
      for (int k = 0; k < kInner; ++k) {
        sum = std::fma(x_[(row * kBlocks + c / kColumns) * kInner + k],
                       w_[k * kBlocks * kColumns + c], sum);
      }
      ASSERT_EQ(y[row * kBlocks * kColumns + c], sum + b_[c]) << row << ", " << c;
    }
  }
}

TEST_F(DenseLayerTest, ALayerWithoutInputsIsItsBias) {
  Make({2, 1, 19});
  PackedLayer layer;
  layer.Pack(nullptr, b_.data(), {"log_std", "", 0, 19, Activation::kIdentity});
  std::vector<float> y(2 * 19);
  layer.Forward(nullptr, 2, false, y.data());
  for (int i = 0; i < 2 * 19; ++i) EXPECT_EQ(y[i], b_[i % 19]);
}

}  // namespace
}  // namespace pmoe
