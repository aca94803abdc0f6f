#include "actor/export/onnx_layers.h"

#include <algorithm>
#include <vector>

#include "common/policy/parameter_layout.h"

namespace pmoe {

OnnxLayers::OnnxLayers(const PolicySnapshot& snapshot, OnnxGraph* graph)
    : snapshot_(snapshot), graph_(graph) {
  const PolicySpec& spec = snapshot.spec;
  const std::string obs = "observation";
  graph->Input(obs, onnx::FLOAT, {OnnxGraph::kBatch, spec.obs_dim}, "as the environment gives it");
  const std::vector<float> zeros(static_cast<size_t>(spec.obs_dim), 0.0f);
  poison_ = graph->Node("MatMul", {obs, graph->Floats({spec.obs_dim, 1}, zeros)});
  layers_["obs"] = {spec.normalizes_obs ? Normalized(obs) : obs, false};
  const ParameterLayout layout(spec.layers, /*members=*/1, /*copies=*/1);
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const DenseLayer& layer = spec.layers[i];
    const Result input = layer.input.empty() ? Result{"", true} : layers_.at(layer.input);
    const float* const weights = snapshot.weights.data() + layout.parameters()[2 * i].offset;
    const float* const bias = snapshot.weights.data() + layout.parameters()[2 * i + 1].offset;
    layers_[layer.name] = {Activated(layer, Linear(layer, input.value, weights, bias)),
                           input.constant};
  }
}

std::string OnnxLayers::Normalized(const std::string& obs) {
  const int64_t width = snapshot_.spec.obs_dim;
  const std::string centred =
      graph_->Node("Sub", {obs, graph_->Floats({width}, snapshot_.obs_mean)});
  const std::string scaled =
      graph_->Node("Div", {centred, graph_->Floats({width}, snapshot_.obs_std)});
  return graph_->Node("Clip", {scaled, graph_->Float(-kObsClip), graph_->Float(kObsClip)});
}

std::string OnnxLayers::Linear(const DenseLayer& layer, const std::string& input,
                               const float* weights, const float* bias) {
  const size_t outputs = static_cast<size_t>(layer.outputs);
  const absl::Span<const float> b(bias, outputs);
  if (layer.input.empty()) return graph_->Floats({1, layer.outputs}, b);
  const std::string bias_value = graph_->Floats({layer.outputs}, b);
  if (layer.blocks > 1) return graph_->Node("Add", {Blocks(layer, input, weights), bias_value});
  const absl::Span<const float> w(weights, static_cast<size_t>(layer.inputs) * outputs);
  return graph_->Node("Gemm",
                      {input, graph_->Floats({layer.inputs, layer.outputs}, w), bias_value});
}

// Each block is a product of its own: x [N, blocks, 1, inputs] times W [blocks, inputs, outputs].
std::string OnnxLayers::Blocks(const DenseLayer& layer, const std::string& input,
                               const float* weights) {
  const int inputs = layer.weight_rows(), outputs = layer.outputs / layer.blocks;
  std::vector<float> apart;
  apart.reserve(static_cast<size_t>(layer.inputs) * static_cast<size_t>(outputs));
  for (int block = 0; block < layer.blocks; ++block) {
    for (int i = 0; i < inputs; ++i) {
      const float* const row = weights + static_cast<size_t>(i) * layer.outputs + block * outputs;
      apart.insert(apart.end(), row, row + outputs);
    }
  }
  const std::string x = graph_->Reshape(input, {-1, layer.blocks, 1, inputs});
  const std::string w = graph_->Floats({layer.blocks, inputs, outputs}, apart);
  return graph_->Reshape(graph_->Node("MatMul", {x, w}), {-1, layer.outputs});
}

std::string OnnxLayers::Activated(const DenseLayer& layer, const std::string& x) {
  switch (layer.activation) {
    case Activation::kRelu:
      return graph_->Node("Relu", {x});
    case Activation::kTanh:
      return graph_->Node("Tanh", {x});
    case Activation::kSigmoid: {
      // By exp, because Sigmoid is allowed to end at some 1e-8: MCP weighs by the ratios of its
      // weights, however small they are.
      const std::string e = graph_->Node("Exp", {graph_->Node("Neg", {x})});
      return graph_->Node("Reciprocal", {graph_->Node("Add", {e, graph_->Float(1.0f)})});
    }
    case Activation::kLogSoftplus:
      return graph_->Node("Log", {graph_->Node("Softplus", {x})});
    case Activation::kIdentity:
      break;
  }
  return x;
}

std::string OnnxLayers::Batched(const std::string& layer) {
  const Result& result = layers_.at(layer);
  if (!result.constant) return result.value;
  return graph_->Node("Add", {result.value, poison_});
}

}  // namespace pmoe
