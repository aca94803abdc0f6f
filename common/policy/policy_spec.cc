#include "common/policy/policy_spec.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace pmoe {
namespace {

constexpr int kDimensionMax = 1 << 20;
constexpr size_t kLayersMax = 64;

absl::Status SpecError(absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat("policy spec: ", text));
}

bool InRange(int value) { return value >= 1 && value <= kDimensionMax; }

absl::Status CheckHead(const PolicySpec& spec, const std::string& name, int outputs) {
  const DenseLayer* layer = spec.FindLayer(name);
  if (layer == nullptr) return SpecError(absl::StrCat("no layer '", name, "'"));
  if (layer->outputs != outputs) {
    return SpecError(
        absl::StrCat("layer '", name, "' must have ", outputs, " outputs, has ", layer->outputs));
  }
  return absl::OkStatus();
}

absl::Status CheckLayers(const PolicySpec& spec) {
  if (spec.layers.empty() || spec.layers.size() > kLayersMax)
    return SpecError("1 to 64 layers are possible");
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const DenseLayer& layer = spec.layers[i];
    if (!InRange(layer.inputs) || !InRange(layer.outputs) || layer.activation > Activation::kTanh) {
      return SpecError(absl::StrCat("layer '", layer.name, "' is out of range"));
    }
    int width = layer.input == "obs" ? spec.obs_dim : 0;
    for (size_t j = 0; j < i; ++j) {
      if (spec.layers[j].name == layer.name)
        return SpecError(absl::StrCat("two layers '", layer.name, "'"));
      if (spec.layers[j].name == layer.input) width = spec.layers[j].outputs;
    }
    if (width != layer.inputs) {
      return SpecError(absl::StrCat("layer '", layer.name, "' reads '", layer.input, "' of ", width,
                                    ", expects ", layer.inputs));
    }
  }
  return absl::OkStatus();
}

}  // namespace

const DenseLayer* PolicySpec::FindLayer(const std::string& name) const {
  for (const DenseLayer& layer : layers) {
    if (layer.name == name) return &layer;
  }
  return nullptr;
}

absl::Status PolicySpec::Validate() const {
  if (!InRange(obs_dim) || !InRange(action_dim) || primitives < 1 || primitives > 256) {
    return SpecError("obs_dim, action_dim or primitives is out of range");
  }
  if (action_low.size() != static_cast<size_t>(action_dim) ||
      action_high.size() != action_low.size()) {
    return SpecError("action bounds and action_dim differ");
  }
  for (size_t j = 0; j < action_low.size(); ++j) {
    if (std::isfinite(action_low[j]) && std::isfinite(action_high[j]) &&
        action_low[j] < action_high[j]) {
      continue;
    }
    return SpecError("action bounds must be finite, low < high");
  }
  if (head > HeadType::kMixture) return SpecError("unknown head type");
  if (head == HeadType::kGaussian && primitives != 1)
    return SpecError("a gaussian head has one primitive");
  absl::Status status = CheckLayers(*this);
  if (status.ok()) status = CheckHead(*this, "mean", primitives * action_dim);
  if (status.ok()) status = CheckHead(*this, "log_std", primitives * action_dim);
  if (status.ok() && head == HeadType::kMixture) status = CheckHead(*this, "router", primitives);
  return status;
}

uint64_t PolicySpec::Hash() const {
  ByteWriter out;
  Save(&out);
  uint64_t hash = 0xCBF29CE484222325u;  // FNV-1a, 64 bit
  for (const char c : out.bytes()) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3u;
  return hash;
}

void PolicySpec::Save(ByteWriter* out) const {
  out->Pod(head);
  out->Pod(obs_dim);
  out->Pod(action_dim);
  out->Pod(primitives);
  out->Vector(action_low);
  out->Vector(action_high);
  out->Pod(static_cast<uint32_t>(layers.size()));
  for (const DenseLayer& layer : layers) {
    out->String(layer.name);
    out->String(layer.input);
    out->Pod(layer.inputs);
    out->Pod(layer.outputs);
    out->Pod(layer.activation);
  }
}

absl::StatusOr<PolicySpec> PolicySpec::Load(ByteReader* in) {
  PolicySpec spec;
  in->Pod(&spec.head);
  in->Pod(&spec.obs_dim);
  in->Pod(&spec.action_dim);
  in->Pod(&spec.primitives);
  in->Vector(&spec.action_low);
  in->Vector(&spec.action_high);
  uint32_t layers = 0;
  in->Pod(&layers);
  if (!in->ok() || layers > kLayersMax) return absl::DataLossError("policy spec is truncated");
  spec.layers.resize(layers);
  for (DenseLayer& layer : spec.layers) {
    in->String(&layer.name);
    in->String(&layer.input);
    in->Pod(&layer.inputs);
    in->Pod(&layer.outputs);
    in->Pod(&layer.activation);
  }
  if (!in->ok()) return absl::DataLossError("policy spec is truncated");
  const absl::Status status = spec.Validate();
  if (!status.ok()) return absl::DataLossError(status.message());
  return spec;
}

std::vector<DenseLayer> MlpLayers(const std::string& name, const std::string& input, int inputs,
                                  absl::Span<const int> hidden) {
  std::vector<DenseLayer> layers;
  std::string from = input;
  int width = inputs;
  for (size_t i = 0; i < hidden.size(); ++i) {
    layers.push_back({absl::StrCat(name, i), from, width, hidden[i], Activation::kRelu});
    from = layers.back().name;
    width = hidden[i];
  }
  return layers;
}

PolicySpec MakeSquashedPolicySpec(const SquashedPolicyOptions& options) {
  PolicySpec spec;
  spec.head = options.has_router ? HeadType::kMixture : HeadType::kGaussian;
  spec.obs_dim = options.obs_dim;
  spec.action_dim = static_cast<int>(options.action_low.size());
  spec.primitives = options.primitives;
  spec.action_low = options.action_low;
  spec.action_high = options.action_high;
  spec.layers = MlpLayers("trunk", "obs", options.obs_dim, options.hidden);
  const DenseLayer last = spec.layers.back();
  const int outputs = options.primitives * spec.action_dim;
  spec.layers.push_back({"mean", last.name, last.outputs, outputs, Activation::kIdentity});
  spec.layers.push_back({"log_std", last.name, last.outputs, outputs, Activation::kIdentity});
  if (options.has_router && options.router_reads_obs) {
    spec.layers.push_back(
        {"router", "obs", options.obs_dim, options.primitives, Activation::kIdentity});
  } else if (options.has_router) {
    spec.layers.push_back(
        {"router", last.name, last.outputs, options.primitives, Activation::kIdentity});
  }
  return spec;
}

}  // namespace pmoe
