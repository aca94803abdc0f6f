#include "actor/export/onnx_edition.h"

#include <numeric>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "actor/export/crc32.h"
#include "actor/export/onnx_layers.h"
#include "common/base/build_info.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr int64_t kIrVersion = 7;
constexpr int64_t kOpset = 13;

// The heads behind the layers. N batch, K primitives, C components, A action_dim.
class Heads {
 public:
  Heads(const PolicySpec& spec, OnnxLayers* layers, OnnxGraph* graph)
      : spec_(spec), layers_(*layers), graph_(*graph), K_(spec.primitives), A_(spec.action_dim) {}

  void Write(const FloatBounds& bounds) {
    if (spec_.head == HeadType::kOption) {
      graph_.Input("option", onnx::INT64, {kBatch},
                   "primitive of the step before, -1 at an episode's start");
    }
    router_ = Router();
    Gaussians();
    const std::string chosen = Choose();
    graph_.Output(Action(chosen, bounds), "action", onnx::FLOAT, {kBatch, A_},
                  "in the environment's units, within its bounds");
    graph_.Output(primitive_, "primitive", onnx::INT64, {kBatch},
                  "that acts; of an option policy the next call's option");
    graph_.Output(router_, "router", onnx::FLOAT, {kBatch, K_}, "the primitives' weights");
    graph_.Output(mean_, "mean", onnx::FLOAT, {kBatch, spec_.components(), A_},
                  "of the Gaussians that may act, before the action map");
    graph_.Output(std_, "std", onnx::FLOAT, {kBatch, spec_.components(), A_},
                  "standard deviations of the same");
  }

 private:
  static constexpr int64_t kBatch = OnnxGraph::kBatch;

  std::string Op(const char* op, std::vector<std::string> inputs,
                 OnnxGraph::Attributes attributes = {}) {
    return graph_.Node(op, std::move(inputs), attributes);
  }
  std::string Times(const std::string& x, float factor) {
    return Op("Mul", {x, graph_.Float(factor)});
  }
  std::string ClampedLogStd(const std::string& x) {
    return Op("Clip", {x, graph_.Float(kLogStdMin), graph_.Float(kLogStdMax)});
  }

  // [N, K]; the poison is a zero of the batch's height.
  std::string Router() {
    if (!spec_.has_router()) return Op("Add", {layers_.poison(), graph_.Float(1.0f)});
    const std::string router = layers_.Batched("router");
    // A result of its own, since the layer's may be read by another one.
    return spec_.head == HeadType::kMcp ? Op("Identity", {router})
                                        : Op("Softmax", {router}, {{"axis", 1}});
  }

  // mean_ and std_ [N, C, A].
  void Gaussians() {
    const std::string log_std =
        graph_.Reshape(ClampedLogStd(layers_.Value("log_std")), {-1, K_, A_});
    if (spec_.head == HeadType::kGating) return Gate(log_std);
    if (spec_.head == HeadType::kMcp) return Multiply(log_std);
    mean_ = graph_.Reshape(layers_.Batched("mean"), {-1, K_, A_});
    std_ = Op("Exp", {log_std});
    if (!layers_.IsConstant("log_std")) return;
    std_ = Op("Add", {std_, graph_.Reshape(layers_.poison(), {-1, 1, 1})});
  }

  std::string WeightColumns() { return graph_.Reshape(router_, {-1, K_, 1}); }
  std::string Means() { return graph_.Reshape(layers_.Value("mean"), {-1, K_, A_}); }

  // GateGaussians of actor/acting_density.h.
  void Gate(const std::string& log_std) {
    const std::string w = WeightColumns();
    mean_ = graph_.Sum(Op("Mul", {w, Means()}), 1, /*keep_axis=*/true);
    const std::string share = spec_.gating_squared ? Op("Mul", {w, w}) : w;
    const std::string variance =
        graph_.Sum(Op("Mul", {share, Op("Exp", {Times(log_std, 2.0f)})}), 1, /*keep_axis=*/true);
    std_ = Op("Exp", {ClampedLogStd(Times(Op("Log", {variance}), 0.5f))});
  }

  // MultiplyGaussians of actor/acting_density.h.
  void Multiply(const std::string& log_std) {
    const std::string part = Op("Mul", {WeightColumns(), Op("Exp", {Times(log_std, -2.0f)})});
    const std::string precision =
        Op("Max", {graph_.Sum(part, 1, /*keep_axis=*/true), graph_.Float(kPrecisionMin)});
    mean_ = Op("Div", {graph_.Sum(Op("Mul", {part, Means()}), 1, /*keep_axis=*/true), precision});
    std_ = Op("Exp", {ClampedLogStd(Times(Op("Log", {precision}), -0.5f))});
  }

  // The chosen Gaussian's mean [N, A]; sets primitive_ [N].
  std::string Choose() {
    if (spec_.components() == 1) {
      primitive_ = Op("ArgMax", {layers_.poison()}, {{"axis", 1}, {"keepdims", 0}});
      return graph_.Reshape(mean_, {-1, A_});
    }
    const std::string best = Op("ArgMax", {Acting()}, {{"axis", 1}, {"keepdims", 1}});
    primitive_ = graph_.Reshape(best, {-1});
    return Op("GatherND", {mean_, best}, {{"batch_dims", 1}});
  }

  // [N, K] With options: what PolicyNetwork::FillActingWeights makes of the router's.
  std::string Acting() {
    if (spec_.head != HeadType::kOption) return router_;
    const std::string column = graph_.Reshape("option", {-1, 1});
    const std::string before = Op("Max", {column, graph_.Int(0)});
    const std::string ends = graph_.Reshape(
        Op("GatherND", {layers_.Batched("beta"), before}, {{"batch_dims", 1}}), {-1, 1});
    const std::string begins = Op("Less", {column, graph_.Int(0)});
    const std::string beta = Op("Where", {begins, graph_.Float(1.0f), ends});
    std::vector<int64_t> indices(static_cast<size_t>(K_));
    std::iota(indices.begin(), indices.end(), 0);
    const std::string is_before = Op("Equal", {before, graph_.Ints({1, K_}, indices)});
    const std::string stays = Op("Sub", {graph_.Float(1.0f), beta});
    return Op("Add",
              {Op("Mul", {router_, beta}), Op("Where", {is_before, stays, graph_.Float(0.0f)})});
  }

  // The Gaussian's number as the environment's action, as ScaleAction maps it. [N, A]
  std::string Action(const std::string& u, const FloatBounds& bounds) {
    std::string a = u;
    if (spec_.action_map == ActionMap::kSquash) a = Op("Tanh", {u});
    if (spec_.action_map == ActionMap::kRescaleClip) {
      a = Op("Clip", {u, graph_.Float(-1.0f), graph_.Float(1.0f)});
    }
    if (spec_.action_map != ActionMap::kClip && !bounds.is_unit) {
      a = Op("Mul", {a, graph_.Floats({A_}, bounds.half)});
      a = Op("Add", {a, graph_.Floats({A_}, bounds.center)});
    }
    if (spec_.action_map == ActionMap::kClip || !bounds.is_unit) {
      a = Op("Max", {a, graph_.Floats({A_}, bounds.low)});
      a = Op("Min", {a, graph_.Floats({A_}, bounds.high)});
    }
    return Op("Add", {a, layers_.poison()});
  }

  const PolicySpec& spec_;
  OnnxLayers& layers_;
  OnnxGraph& graph_;
  const int64_t K_, A_;
  std::string router_, mean_, std_, primitive_;
};

void AddProperty(const std::string& key, std::string value, onnx::Model* model) {
  onnx::Property* const property = model->add_metadata();
  property->set_key(key);
  property->set_value(std::move(value));
}

void AddMetadata(const ExportedPolicy& policy, onnx::Model* model) {
  const PolicySnapshot& snapshot = *policy.snapshot;
  for (auto& [key, value] : Describe(policy)) AddProperty(key, std::move(value), model);
  if (snapshot.spec.normalizes_obs) {
    AddProperty("obs_mean", NumberList(snapshot.obs_mean), model);
    AddProperty("obs_std", NumberList(snapshot.obs_std), model);
  }
  const GoldenTrajectory& golden = policy.golden;
  AddProperty("golden_observation", NumberList(golden.observations, snapshot.spec.obs_dim), model);
  AddProperty("golden_action", NumberList(golden.actions, snapshot.spec.action_dim), model);
  const std::vector<float> primitives(golden.primitives.begin(), golden.primitives.end());
  AddProperty("golden_primitive", NumberList(primitives), model);
}

}  // namespace

absl::StatusOr<std::string> OnnxEdition(const ExportedPolicy& policy) {
  const PolicySpec& spec = policy.snapshot->spec;
  PMOE_ASSIGN_OR_RETURN(const FloatBounds bounds, BoundsAsFloat(spec));
  onnx::Model model;
  model.set_ir_version(kIrVersion);
  model.set_producer_name("pmoe");
  model.set_producer_version(BuildId());
  model.set_doc("A policy of pmoe; metadata_props say of which environment and how it is checked.");
  model.add_opset()->set_version(kOpset);
  model.mutable_opset(0)->set_domain("");
  model.mutable_graph()->set_name("policy");
  OnnxGraph graph(model.mutable_graph());
  OnnxLayers layers(*policy.snapshot, &graph);
  Heads(spec, &layers, &graph).Write(bounds);
  AddMetadata(policy, &model);
  std::string bytes = model.SerializeAsString();
  // Messages one behind the other are one message: this becomes the last property.
  onnx::Model last;
  AddProperty("crc32", absl::StrFormat("%08x", Crc32(bytes)), &last);
  return bytes + last.SerializeAsString();
}

}  // namespace pmoe
