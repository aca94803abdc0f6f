#include "learner/nets/init.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "ATen/ops/zeros.h"
#include "c10/core/GradMode.h"
#include "common/base/rng.h"

namespace pmoe {
namespace {

// Rows of x, [count, length] with count <= length, made orthonormal one after the other (modified
// Gram-Schmidt, in float64).
void Orthonormalize(int count, int length, std::vector<double>* x) {
  for (int i = 0; i < count; ++i) {
    double* const row = x->data() + static_cast<size_t>(i) * length;
    for (int before = 0; before < i; ++before) {
      const double* const other = x->data() + static_cast<size_t>(before) * length;
      double dot = 0.0;
      for (int j = 0; j < length; ++j) dot += row[j] * other[j];
      for (int j = 0; j < length; ++j) row[j] -= dot * other[j];
    }
    double norm = 0.0;
    for (int j = 0; j < length; ++j) norm += row[j] * row[j];
    for (int j = 0; j < length; ++j) row[j] /= std::sqrt(norm);
  }
}

// Fills rows x width numbers of `weights`, a row every `stride`.
void FillOrthogonal(int rows, int width, int stride, double gain, Rng* rng, float* weights) {
  const int count = std::min(rows, width), length = std::max(rows, width);
  std::vector<double> x(static_cast<size_t>(count) * length);
  for (double& value : x) value = rng->Normal();
  Orthonormalize(count, length, &x);
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < width; ++c) {
      const size_t at =
          rows <= width ? static_cast<size_t>(r) * length + c : static_cast<size_t>(c) * length + r;
      weights[static_cast<size_t>(r) * stride + c] = static_cast<float>(gain * x[at]);
    }
  }
}

// Into how many primitives' own parts the layer's outputs fall.
int Parts(absl::Span<const DenseLayer> layers, const DenseLayer& layer) {
  int parts = layer.blocks;
  for (const DenseLayer& other : layers) {
    if (other.input == layer.name) parts = std::max(parts, other.blocks);
  }
  return parts;
}

}  // namespace

void InitUniformFanIn(uint64_t seed, uint32_t first_stream, FlatParameters* parameters) {
  const c10::AutoGradMode no_grad(false);
  const ParameterLayout& layout = parameters->layout();
  at::Tensor host = at::zeros({static_cast<int64_t>(layout.total())}, at::kFloat);
  float* values = host.data_ptr<float>();
  for (size_t i = 0; i < layout.parameters().size(); i += 2) {
    const Parameter& weight = layout.parameters()[i];
    const Parameter& bias = layout.parameters()[i + 1];
    if (weight.rows == 0) continue;
    const float bound = 1.0f / std::sqrt(static_cast<float>(weight.rows));
    const size_t weights = static_cast<size_t>(weight.rows) * weight.cols;
    for (int group = 0; group < layout.members() * layout.copies(); ++group) {
      Rng rng(seed, RngRole::kInit, first_stream + static_cast<uint32_t>(i / 2),
              group / layout.copies(), group % layout.copies());
      const auto draw = [&] { return (2.0f * rng.UniformFloat() - 1.0f) * bound; };
      float* w = values + weight.offset + group * weights;
      for (size_t j = 0; j < weights; ++j) w[j] = draw();
      float* b = values + bias.offset + static_cast<size_t>(group) * bias.cols;
      for (int j = 0; j < bias.cols; ++j) b[j] = draw();
    }
  }
  parameters->values().copy_(host);
}

void InitOrthogonal(uint64_t seed, uint32_t first_stream, absl::Span<const DenseLayer> layers,
                    absl::FunctionRef<double(const DenseLayer&)> gain, FlatParameters* parameters) {
  const c10::AutoGradMode no_grad(false);
  const ParameterLayout& layout = parameters->layout();
  at::Tensor host = at::zeros({static_cast<int64_t>(layout.total())}, at::kFloat);
  float* const values = host.data_ptr<float>();
  for (size_t i = 0; i < layers.size(); ++i) {
    const Parameter& weight = layout.parameters()[2 * i];
    const int parts = Parts(layers, layers[i]), width = weight.cols / parts;
    const size_t size = static_cast<size_t>(weight.rows) * weight.cols;
    for (int group = 0; group < layout.members() * layout.copies(); ++group) {
      Rng rng(seed, RngRole::kInit, first_stream + static_cast<uint32_t>(i),
              group / layout.copies(), group % layout.copies());
      float* const first = values + weight.offset + group * size;
      for (int part = 0; part < parts && weight.rows > 0; ++part) {
        FillOrthogonal(weight.rows, width, weight.cols, gain(layers[i]), &rng,
                       first + static_cast<size_t>(part) * width);
      }
    }
  }
  parameters->values().copy_(host);
}

}  // namespace pmoe
