// Random tensors and minibatches for the learner's tests, and comparisons of tensors.
#pragma once

#include <cmath>
#include <cstring>

#include "ATen/Parallel.h"
#include "ATen/TensorOperators.h"
#include "ATen/core/Tensor.h"
#include "ATen/ops/empty.h"
#include "common/base/rng.h"
#include "replay/core/minibatch.h"

namespace pmoe {

// Small tensors are slower on many threads, and far slower where other tests run beside this one.
inline const bool kOneThread = (at::set_num_threads(1), true);

// Standard normal, float32.
inline at::Tensor NormalTensor(at::IntArrayRef shape, Rng* rng) {
  at::Tensor tensor = at::empty(shape, at::kFloat);
  rng->FillNormal(tensor.data_ptr<float>(), static_cast<size_t>(tensor.numel()));
  return tensor;
}

// Uniform in [0, 1), float32.
inline at::Tensor UniformTensor(at::IntArrayRef shape, Rng* rng) {
  at::Tensor tensor = at::empty(shape, at::kFloat);
  float* values = tensor.data_ptr<float>();
  for (int64_t i = 0; i < tensor.numel(); ++i) values[i] = rng->UniformFloat();
  return tensor;
}

// Equal shapes and equal bits.
inline bool BitwiseEqual(const at::Tensor& a, const at::Tensor& b) {
  if (!a.sizes().equals(b.sizes()) || a.dtype() != b.dtype()) return false;
  const at::Tensor x = a.detach().contiguous(), y = b.detach().contiguous();
  return std::memcmp(x.data_ptr(), y.data_ptr(), x.nbytes()) == 0;
}

inline double MaxAbs(const at::Tensor& x) { return x.detach().abs().max().item<double>(); }

// Rewards are a smooth function of state and action; one row in ten ends its episode, the others
// look n = 1 to 3 steps ahead.
inline void FillRandom(Rng* rng, Minibatch* batch) {
  const int rows = batch->size(), obs = batch->spec().obs_dim, actions = batch->spec().action_dim;
  rng->FillNormal(batch->obs(), static_cast<size_t>(rows) * obs);
  rng->FillNormal(batch->next_obs(), static_cast<size_t>(rows) * obs);
  for (int i = 0; i < rows * actions; ++i) batch->action()[i] = 2.0f * rng->UniformFloat() - 1.0f;
  for (int i = 0; i < rows; ++i) {
    const float action = batch->action()[i * actions];
    batch->reward()[i] = std::sin(batch->obs()[i * obs]) - action * action;
    const float steps = 1.0f + static_cast<float>(rng->UniformInt(3));
    batch->discount()[i] = rng->UniformFloat() < 0.1f ? 0.0f : std::pow(0.99f, steps);
  }
}

}  // namespace pmoe
