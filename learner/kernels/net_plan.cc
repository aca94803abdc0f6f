#include "learner/kernels/net_plan.h"

#include <numeric>

#include "absl/strings/match.h"
#include "common/base/check.h"

namespace pmoe {

NetPlan::NetPlan(absl::Span<const DenseLayer> layers, const NetPlanOptions& options)
    : options_(options), layers_(layers.begin(), layers.end()) {
  for (size_t i = 0; i < layers_.size(); ++i) {
    const DenseLayer& layer = layers_[i];
    const NodeColumns input =
        layer.inputs == 0 ? NodeColumns{} : Find(layer.input.empty() ? "obs" : layer.input);
    NetNode* const node = NodeFor(layer, input);
    node->layers.push_back({static_cast<int>(i), node->width});
    node->width += layer.outputs;
    if (Detached(layer)) continue;
    node->attached = node->width;
    if (layer.inputs > 0 && input.node >= 0) nodes_[static_cast<size_t>(input.node)].feeds = true;
  }
}

bool NetPlan::Detached(const DenseLayer& layer) const {
  return options_.router_detached && absl::StartsWith(layer.name, "router") &&
         !absl::StartsWith(layer.input, "router");
}

// A node that the layer can join, or a new one. What is detached comes last in its node.
NetNode* NetPlan::NodeFor(const DenseLayer& layer, const NodeColumns& input) {
  const bool alone =
      layer.inputs == 0 || layer.blocks > 1 || layer.activation != Activation::kIdentity;
  for (NetNode& node : nodes_) {
    if (alone || node.inner == 0 || node.blocks > 1 || node.activation != layer.activation)
      continue;
    if (node.input.node != input.node || node.input.column != input.column) continue;
    if (node.attached == node.width || Detached(layer)) return &node;
  }
  NetNode& node = nodes_.emplace_back();
  node.input = input;
  node.inner = layer.inputs;
  node.blocks = layer.blocks;
  node.activation = layer.activation;
  node.norm = options_.layer_norm && IsDiagonal(layer);
  return &node;
}

NodeColumns NetPlan::Find(const std::string& layer) const {
  if (layer == "obs") return {};
  for (size_t n = 0; n < nodes_.size(); ++n) {
    for (const NetNode::Layer& part : nodes_[n].layers) {
      if (layers_[static_cast<size_t>(part.index)].name == layer) {
        return {static_cast<int>(n), part.column};
      }
    }
  }
  PMOE_CHECK(false);  // PolicySpec::Validate looked
  return {};
}

}  // namespace pmoe
