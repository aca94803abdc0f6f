// What PPO and DAC share of their networks: layers of the value, start weights, schedules. Pure
// functions.
#pragma once

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "learner/nets/flat_parameters.h"
#include "learner/ppo/ppo_options.h"

namespace pmoe {

// Width of the policy's trunk; obs_dim without one.
int TrunkWidth(const PolicySpec& policy);

// The value's own network, or one linear layer on the policy's trunk.
std::vector<DenseLayer> ValueLayers(const PpoOptions& options, const PolicySpec& policy,
                                    int outputs);

// Start weights by options.init; a log-std that is a parameter begins at options.log_std_init.
void InitPolicy(const PpoOptions& options, const PolicySpec& policy, FlatParameters* parameters);
void InitValue(const PpoOptions& options, uint32_t first_stream,
               absl::Span<const DenseLayer> layers, FlatParameters* parameters);

// Factor of the step sizes at this share of the run.
double LearningRateFactor(const PpoOptions& options, double progress);
// The router's least entropy, nats.
double RouterEntropyFloor(const PpoOptions& options, int primitives);
// Factor that brings a gradient of that norm down to options.grad_norm_max.
double GradientScale(const PpoOptions& options, double norm);
// Multiplies the gradients by it in place, which waits for no device. squares: the scalar sum of
// their squares. Returns their norm before, [1].
at::Tensor ShortenInPlace(const PpoOptions& options, const at::Tensor& squares,
                          absl::Span<at::Tensor* const> gradients);

struct ClippedGradient {
  at::Tensor norm;     // before, [1]
  double scale = 1.0;  // for the optimizer's step: on a device the gradients are short already
};
// Of all these gradients together. more: what else their squared norm has, a scalar; may be
// undefined.
ClippedGradient ClipGradient(const PpoOptions& options, absl::Span<at::Tensor* const> gradients,
                             const at::Tensor& more = {});

// Extra column with the behaviour's log-probability for that ratio.
std::string LogProbColumn(RatioOf ratio);

}  // namespace pmoe
