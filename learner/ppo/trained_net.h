// A net with its parameters' gradient and Adam, on buffers that live as long as it: forward,
// backward, step, without a graph or an allocation. Thread-compatible. B rows at most.
#pragma once

#include <vector>

#include "learner/kernels/aligned.h"
#include "learner/kernels/net.h"
#include "learner/nets/flat_parameters.h"
#include "learner/nets/optimizer.h"

namespace pmoe {

template <typename T>
class TrainedNet {
 public:
  // `parameters` and `optimizer` outlive the net; their tensors stay where they are.
  TrainedNet(const NetPlan& plan, const NetOptions& options, long rows, FlatParameters* parameters,
             Optimizer* optimizer);
  TrainedNet(const TrainedNet&) = delete;
  TrainedNet& operator=(const TrainedNet&) = delete;

  // After somebody else changed the parameters.
  void Pack() { net_.Pack(0, 1); }

  void Forward(const NetInput<T>& input, long rows) {
    net_.Forward(/*group=*/0, input, rows, &activations_, 0);
  }
  // From the gradients of what the net put out, which the caller wrote into gradients(), those of
  // the parameters.
  void Backward(const NetInput<T>& input, long rows, const NetInputGradient<T>& to_input = {});
  // Of the gradient of what is learned: of tied heads, their parts.
  double SquaredNorm() const;
  void Step(const StepScale& scale);

  const Net<T>& net() const { return net_; }
  NetRows<T>& activations() { return activations_; }
  NetRows<T>& gradients() { return gradients_; }

 private:
  Net<T> net_;
  NetRows<T> activations_;
  NetRows<T> gradients_;
  AlignedVector<T> scratch_;  // of Net::WeightGradient
  Optimizer* optimizer_;
  AdamArrays<T> arrays_;
  long size_;  // of each
};

}  // namespace pmoe
