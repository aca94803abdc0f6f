// Heads with a part in common, W_k = S + c D_k, as Adam sees them. The networks keep W_k alone, and
// so do snapshots: S moves by Adam's step of sum_k g_k, g_k the gradient of W_k, and D_k, what sets
// primitive k apart, by the first moment of g_k - mean_i g_i over the root of S's second moment. So
// this adds S's two moments to the first moments of D_k, which stand in W_k's place, and moves W_k
// by both. Thread-compatible. K primitives, A action_dim.
#pragma once

#include <cstdint>
#include <vector>

#include "ATen/core/Tensor.h"
#include "absl/status/status.h"
#include "common/base/bytes.h"
#include "learner/kernels/adam.h"
#include "learner/nets/flat_parameters.h"
#include "learner/nets/head_tie.h"

namespace pmoe {

class TiedHeads {
 public:
  // Of the layers "mean" and "log_std" that `tie` names. With one primitive nothing is tied.
  TiedHeads(const PolicySpec& policy, const HeadTie& tie, const FlatParameters& parameters);

  bool empty() const { return parts_.empty(); }
  long rows() const { return rows_; }  // of all tied heads, K * A numbers each

  // A step of all parameters, networks' target included: of some of the tied heads' rows, which
  // threads share, and of a share of the parameters without those heads. T is the parameters' type,
  // on the host.
  template <typename T>
  void StepHeads(const AdamFactors<T>& factors, const AdamArrays<T>& arrays, Share rows);
  template <typename T>
  void StepOthers(const AdamFactors<T>& factors, const AdamArrays<T>& arrays, Share share) const;
  // The squared norm of the gradients by S and D_k less that of the W_k's, for who cuts the norm of
  // what is learned: K equal heads have one head's.
  template <typename T>
  double NormExcess(const T* gradient) const;
  at::Tensor NormExcess(const at::Tensor& gradient) const;  // a scalar, on its device
  // A step by LibTorch's operators. Clears the gradient.
  void StepByOperators(const AdamFactors<double>& factors, at::Tensor* values, at::Tensor* gradient,
                       at::Tensor* first, at::Tensor* second);

  void SaveState(ByteWriter* out) const;
  absl::Status LoadState(ByteReader* in);

 private:
  // rows x [K, A] numbers of the flat parameters.
  struct Part {
    long begin;  // of the parameters
    long rows;
    long rows_before;  // in parts before it
    double scale;      // c
  };

  template <typename T>
  void StepRow(const AdamFactors<T>& factors, const AdamArrays<T>& arrays, const Part& part,
               long row);

  long primitives_, actions_;
  std::vector<Part> parts_;
  std::vector<Share> others_;  // parameters that are not tied, in order
  long rows_ = 0;
  at::Tensor first_, second_;  // of S, [rows, A]
  at::Tensor scratch_;         // [rows, 3, A]: a row's gradient of S, its step, and that per moment
};

// Of kInit: layer i of SharedHeadLayers draws from this + i.
inline constexpr uint32_t kSharedHeadStreams = 3000;

// What tied heads begin with: S as one primitive's head would, and init times that of each, less
// their mean.
void InitTied(const PolicySpec& policy, const HeadTie& tie, const FlatParameters& shared,
              FlatParameters* parameters);
// The layers that S of both heads would be.
std::vector<DenseLayer> SharedHeadLayers(const PolicySpec& policy);

}  // namespace pmoe
