// Where each parameter lies in one flat float vector. Value type.
// Every parameter is [members, copies, rows, cols], row-major; copies are the critic pair, 1 for a
// policy.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "common/policy/policy_spec.h"

namespace pmoe {

struct Parameter {
  std::string name;   // "trunk0.weight", "trunk0.bias"
  int rows = 0;       // weight: inputs of a block, 0 for a constant layer; bias: 1
  int cols = 0;       // outputs
  size_t offset = 0;  // in floats, a multiple of 16: each parameter starts on a 64-byte line
};

class ParameterLayout {
 public:
  ParameterLayout(absl::Span<const DenseLayer> layers, int members, int copies);

  // Two per layer, weight then bias, in the order of the layers.
  const std::vector<Parameter>& parameters() const { return parameters_; }
  int members() const { return members_; }
  int copies() const { return copies_; }
  size_t total() const { return total_; }  // floats, padding included

 private:
  std::vector<Parameter> parameters_;
  int members_;
  int copies_;
  size_t total_ = 0;
};

}  // namespace pmoe
