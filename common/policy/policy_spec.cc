#include "common/policy/policy_spec.h"

#include <algorithm>
#include <cmath>
#include <set>

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

absl::Status CheckColumns(const PolicySpec& spec) {
  static const std::set<std::string> known = {kColumnComponent,        kColumnLogProb,
                                              kColumnComponentLogProb, kColumnJointLogProb,
                                              kColumnOptionBefore,     kColumnEpisodeStart};
  for (const std::string& column : spec.columns) {
    if (!known.contains(column))
      return SpecError(absl::StrCat("no actor knows the column '", column, "'"));
  }
  return absl::OkStatus();
}

absl::Status CheckLayers(const PolicySpec& spec) {
  if (spec.layers.empty() || spec.layers.size() > kLayersMax)
    return SpecError("1 to 64 layers are possible");
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const DenseLayer& layer = spec.layers[i];
    const bool constant = layer.input.empty() && layer.inputs == 0 && layer.blocks == 1;
    if ((!constant && !InRange(layer.inputs)) || !InRange(layer.outputs) ||
        !InRange(layer.blocks) || layer.activation > Activation::kLogSoftplus) {
      return SpecError(absl::StrCat("layer '", layer.name, "' is out of range"));
    }
    if (layer.inputs % layer.blocks != 0 || layer.outputs % layer.blocks != 0) {
      return SpecError(absl::StrCat("layer '", layer.name, "' cannot be cut into blocks"));
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

int PolicySpec::ColumnIndex(const std::string& column) const {
  const auto found = std::find(columns.begin(), columns.end(), column);
  return found == columns.end() ? -1 : static_cast<int>(found - columns.begin());
}

const DenseLayer* PolicySpec::FindLayer(const std::string& name) const {
  for (const DenseLayer& layer : layers) {
    if (layer.name == name) return &layer;
  }
  return nullptr;
}

absl::Status PolicySpec::Validate() const {
  if (!InRange(obs_dim) || !InRange(action_dim) || primitives < 1 || primitives > kPrimitivesMax) {
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
  if (head > HeadType::kOption) return SpecError("unknown head type");
  if (action_map > ActionMap::kRescaleClip) return SpecError("unknown action map");
  if (head == HeadType::kGaussian && primitives != 1)
    return SpecError("a gaussian head has one primitive");
  absl::Status status = CheckLayers(*this);
  if (status.ok()) status = CheckHead(*this, "mean", primitives * action_dim);
  if (status.ok()) status = CheckHead(*this, "log_std", primitives * action_dim);
  if (status.ok() && has_router()) status = CheckHead(*this, "router", primitives);
  if (status.ok() && head == HeadType::kOption) status = CheckHead(*this, "beta", primitives);
  if (status.ok()) status = CheckColumns(*this);
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
  out->Pod(action_map);
  out->Pod(static_cast<uint8_t>(gating_squared));
  out->Pod(static_cast<uint8_t>(normalizes_obs));
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
    out->Pod(layer.blocks);
  }
  out->Pod(static_cast<uint32_t>(columns.size()));
  for (const std::string& column : columns) out->String(column);
}

absl::StatusOr<PolicySpec> PolicySpec::Load(ByteReader* in) {
  PolicySpec spec;
  uint8_t gating_squared = 0, normalizes_obs = 0;
  in->Pod(&spec.head);
  in->Pod(&spec.action_map);
  in->Pod(&gating_squared);
  in->Pod(&normalizes_obs);
  spec.gating_squared = gating_squared != 0;
  spec.normalizes_obs = normalizes_obs != 0;
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
    in->Pod(&layer.blocks);
  }
  uint32_t columns = 0;
  in->Pod(&columns);
  if (!in->ok() || columns > kLayersMax) return absl::DataLossError("policy spec is truncated");
  spec.columns.resize(columns);
  for (std::string& column : spec.columns) in->String(&column);
  if (!in->ok()) return absl::DataLossError("policy spec is truncated");
  const absl::Status status = spec.Validate();
  if (!status.ok()) return absl::DataLossError(status.message());
  return spec;
}

std::vector<DenseLayer> MlpLayers(const std::string& name, const std::string& input, int inputs,
                                  absl::Span<const int> hidden, Activation activation) {
  std::vector<DenseLayer> layers;
  std::string from = input;
  int width = inputs;
  for (size_t i = 0; i < hidden.size(); ++i) {
    layers.push_back({absl::StrCat(name, i), from, width, hidden[i], activation});
    from = layers.back().name;
    width = hidden[i];
  }
  return layers;
}

namespace {

// Where a layer reads from: `blocks` parts of `width` each.
struct Source {
  std::string name;
  int width = 0;
  int blocks = 1;
};

// Appends an MLP that is its own for each of `parts`: they share what they read, so the first layer
// is a plain one, and the ones after it are block diagonal.
Source AddOwnMlps(const std::string& name, const Source& from, absl::Span<const int> hidden,
                  int parts, Activation activation, std::vector<DenseLayer>* layers) {
  Source at = from;
  for (size_t i = 0; i < hidden.size(); ++i) {
    layers->push_back({absl::StrCat(name, i), at.name, at.width * at.blocks, hidden[i] * parts,
                       activation, at.blocks});
    at = {layers->back().name, hidden[i], parts};
  }
  return at;
}

void AddHead(const std::string& name, const Source& from, int outputs, Activation activation,
             std::vector<DenseLayer>* layers) {
  layers->push_back({name, from.name, from.width * from.blocks, outputs, activation, from.blocks});
}

}  // namespace

PolicySpec MakePolicySpec(const PolicyOptions& options) {
  PolicySpec spec;
  spec.head = options.head;
  spec.action_map = options.action_map;
  spec.gating_squared = options.gating_squared;
  spec.normalizes_obs = options.normalizes_obs;
  spec.obs_dim = options.obs_dim;
  spec.action_dim = static_cast<int>(options.action_low.size());
  spec.primitives = options.primitives;
  spec.action_low = options.action_low;
  spec.action_high = options.action_high;
  spec.columns = options.columns;
  const int K = options.primitives, outputs = K * spec.action_dim;
  const Source obs = {"obs", options.obs_dim, 1};
  const auto own_mlps = [&](const char* name, const Source& from, absl::Span<const int> hidden,
                            int parts) {
    return AddOwnMlps(name, from, hidden, parts, options.activation, &spec.layers);
  };
  const Source trunk = own_mlps("trunk", obs, options.hidden, 1);
  const Source primitive = own_mlps("primitive", trunk, options.primitive_hidden, K);
  AddHead("mean", primitive, outputs, options.mean_activation, &spec.layers);
  AddHead("log_std", options.std_is_parameter ? Source{} : primitive, outputs,
          options.std_activation, &spec.layers);
  if (!spec.has_router()) return spec;
  const Source router =
      own_mlps("router_hidden", options.router_reads_obs ? obs : trunk, options.router_hidden, 1);
  AddHead("router", router, K,
          spec.head == HeadType::kMcp ? Activation::kSigmoid : Activation::kIdentity, &spec.layers);
  if (spec.head == HeadType::kOption) {
    AddHead("beta", own_mlps("beta_hidden", trunk, options.primitive_hidden, K), K,
            Activation::kSigmoid, &spec.layers);
  }
  return spec;
}

}  // namespace pmoe
