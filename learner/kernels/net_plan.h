// How the dense layers of a policy, critic or value are computed: layers that read the same input
// and have no activation are one product, a node. Value type, made once.
#pragma once

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "common/policy/policy_spec.h"

namespace pmoe {

// Where a layer's output stands: columns [column, column + outputs) of a node.
struct NodeColumns {
  int node = -1;  // -1: what the net is given
  long column = 0;
};

struct NetNode {
  struct Layer {
    int index = 0;    // in the list of layers
    long column = 0;  // of the node
  };
  std::vector<Layer> layers;
  NodeColumns input;
  long inner = 0;     // columns of the input; 0: a constant, the bias alone
  long width = 0;     // columns of all its layers
  long attached = 0;  // the first of them, whose gradient reaches the input
  int blocks = 1;     // products side by side, each on its own part of the input
  Activation activation = Activation::kIdentity;
  bool norm = false;   // a layer norm's gain and shift: the input is normalised first
  bool feeds = false;  // another node's gradient reaches this one's output
};

struct NetPlanOptions {
  std::vector<long> inputs;  // widths of the parts that the net is given side by side
  // Gradients stop where a layer of the router reads one that is none.
  bool router_detached = false;
  // Diagonal layers are the gain and shift of a layer norm: y = relu(normal(x) w + b).
  bool layer_norm = false;
};

// Scales each of its inputs on its own.
inline bool IsDiagonal(const DenseLayer& layer) {
  return layer.blocks > 1 && layer.blocks == layer.inputs && layer.blocks == layer.outputs;
}

class NetPlan {
 public:
  NetPlan(absl::Span<const DenseLayer> layers, const NetPlanOptions& options);

  const std::vector<NetNode>& nodes() const { return nodes_; }
  const std::vector<DenseLayer>& layers() const { return layers_; }
  const std::vector<long>& inputs() const { return options_.inputs; }
  // Of a layer that exists, or of "obs".
  NodeColumns Find(const std::string& layer) const;

 private:
  bool Detached(const DenseLayer& layer) const;
  NetNode* NodeFor(const DenseLayer& layer, const NodeColumns& input);

  NetPlanOptions options_;
  std::vector<DenseLayer> layers_;
  std::vector<NetNode> nodes_;
};

}  // namespace pmoe
