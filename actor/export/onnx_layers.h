// The layers of a policy as ONNX nodes, from the observation to the heads. Used by one thread at a
// time. N batch, O obs_dim.
#pragma once

#include <map>
#include <string>

#include "actor/export/onnx_graph.h"
#include "common/policy/policy_snapshot.h"

namespace pmoe {

class OnnxLayers {
 public:
  // Adds the nodes of all layers. `snapshot` and `graph` outlive it.
  OnnxLayers(const PolicySnapshot& snapshot, OnnxGraph* graph);

  // [N, 1]: 0, but NaN where a number of the observation is NaN or infinite.
  const std::string& poison() const { return poison_; }
  // A layer's result, [N, outputs], also where no observation moves it.
  std::string Batched(const std::string& layer);
  // The same, but [1, outputs] where no observation moves it.
  const std::string& Value(const std::string& layer) const { return layers_.at(layer).value; }
  bool IsConstant(const std::string& layer) const { return layers_.at(layer).constant; }

 private:
  struct Result {
    std::string value;
    bool constant = false;
  };

  std::string Normalized(const std::string& obs);
  std::string Linear(const DenseLayer& layer, const std::string& input, const float* weights,
                     const float* bias);
  std::string Blocks(const DenseLayer& layer, const std::string& input, const float* weights);
  std::string Activated(const DenseLayer& layer, const std::string& x);

  const PolicySnapshot& snapshot_;
  OnnxGraph* graph_;
  std::string poison_;
  std::map<std::string, Result> layers_;  // and "obs"
};

}  // namespace pmoe
