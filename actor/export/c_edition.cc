#include "actor/export/c_edition.h"

#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "actor/export/c_template.h"
#include "actor/export/c_text.h"
#include "actor/export/crc32.h"
#include "common/base/build_info.h"
#include "common/base/number_text.h"
#include "common/base/status_macros.h"
#include "common/policy/parameter_layout.h"

namespace pmoe {
namespace {

// name_forward's end for each head: from `logits` and the primitives to who acts.
constexpr char kFirstActs[] = R"C(
  out->router[0] = 1.0f;
  out->primitive = 0;
  name_choose(out);
)C";
constexpr char kSoftmax[] = R"C(
  name_softmax(y_router, out->router, NAME_PRIMITIVES);
)C";
constexpr char kArgmax[] = R"C(
  out->primitive = name_argmax(out->router, NAME_PRIMITIVES);
  name_choose(out);
)C";
constexpr char kOption[] = R"C(
  {
    float acting[NAME_PRIMITIVES];
    for (i = 0; i < NAME_PRIMITIVES; ++i) {
      acting[i] = out->router[i];
      if (before != NAME_NO_OPTION) acting[i] *= y_beta[before];
      if (i == before) acting[i] += 1.0f - y_beta[i];
    }
    out->primitive = name_argmax(acting, NAME_PRIMITIVES);
  }
  name_choose(out);
)C";
constexpr char kGating[] = R"C(
  out->primitive = 0;
  for (j = 0; j < NAME_ACTIONS; ++j) {
    float mean = 0.0f, variance = 0.0f;
    for (i = 0; i < NAME_PRIMITIVES; ++i) {
      const float w = out->router[i];
      mean += w * out->primitive_mean[i][j];
      variance += SHARE * expf(2.0f * log_std[i][j]);
    }
    out->mean[j] = mean;
    out->std[j] = expf(name_clamp(0.5f * logf(variance), NAME_LOG_STD_MIN, NAME_LOG_STD_MAX));
  }
)C";
constexpr char kMcp[] = R"C(
  memcpy(out->router, y_router, sizeof out->router);
  out->primitive = 0;
  for (j = 0; j < NAME_ACTIONS; ++j) {
    float precision = 0.0f, weighted = 0.0f;
    for (i = 0; i < NAME_PRIMITIVES; ++i) {
      const float part = out->router[i] * expf(-2.0f * log_std[i][j]);
      precision += part;
      weighted += part * out->primitive_mean[i][j];
    }
    precision = precision < 1e-30f ? 1e-30f : precision;
    out->mean[j] = weighted / precision;
    out->std[j] = expf(name_clamp(-0.5f * logf(precision), NAME_LOG_STD_MIN, NAME_LOG_STD_MAX));
  }
)C";
constexpr char kChoosing[] = R"C(
/* The first of the largest. */
static inline int name_argmax(const float *values, int n) {
  int i, best = 0;
  for (i = 1; i < n; ++i) best = values[i] > values[best] ? i : best;
  return best;
}

static inline void name_choose(name_output *out) {
  memcpy(out->mean, out->primitive_mean[out->primitive], sizeof out->mean);
  memcpy(out->std, out->primitive_std[out->primitive], sizeof out->std);
}
)C";
constexpr char kPrimitives[] = R"C(
  for (i = 0; i < NAME_PRIMITIVES; ++i) {
    for (j = 0; j < NAME_ACTIONS; ++j) {
      log_std[i][j] =
          name_clamp(y_log_std[i * NAME_ACTIONS + j], NAME_LOG_STD_MIN, NAME_LOG_STD_MAX);
      out->primitive_mean[i][j] = y_mean[i * NAME_ACTIONS + j];
      out->primitive_std[i][j] = expf(log_std[i][j]);
    }
  }
)C";

// One constant array of the file.
struct Constant {
  std::string name;
  absl::Span<const float> values;
};

class Writer {
 public:
  Writer(const ExportedPolicy& policy, const FloatBounds& bounds, const std::string& name)
      : policy_(policy),
        snapshot_(*policy.snapshot),
        spec_(snapshot_.spec),
        bounds_(bounds),
        name_(name + "_"),
        upper_name_(absl::AsciiStrToUpper(name_)) {
    const ParameterLayout layout(spec_.layers, /*members=*/1, /*copies=*/1);
    for (size_t i = 0; i < layout.parameters().size(); ++i) {
      const Parameter& p = layout.parameters()[i];
      const size_t count = static_cast<size_t>(p.rows) * static_cast<size_t>(p.cols);
      if (count == 0) continue;  // of a layer that no observation moves
      constants_.push_back({absl::StrCat(name_, i % 2 == 0 ? "w" : "b", i / 2),
                            {snapshot_.weights.data() + p.offset, count}});
    }
    if (spec_.normalizes_obs) {
      constants_.push_back({name_ + "obs_mean", snapshot_.obs_mean});
      constants_.push_back({name_ + "obs_std", snapshot_.obs_std});
    }
    constants_.push_back({name_ + "action_low", bounds_.low});
    constants_.push_back({name_ + "action_high", bounds_.high});
    constants_.push_back({name_ + "center", bounds_.center});
    constants_.push_back({name_ + "half", bounds_.half});
  }

  std::string Text() const {
    std::string text = absl::StrCat(Opening(), Macros());
    for (const Constant& constant : constants_) {
      absl::StrAppend(&text, CFloatArray(constant.name, constant.values));
    }
    absl::StrAppend(&text, ObservationNames(), Named(kCFunctions), Named(kChoosing),
                    Named(Forward()), Named(kCCalls), Named("\n#ifdef NAME_SELFTEST\n"), Golden(),
                    Named(ConstantsCrc()), Named(kCSelftest),
                    Named("\n#endif /* NAME_SELFTEST */\n#endif /* NAME_H_ */\n"));
    return text;
  }

 private:
  // Of the fixed texts; what the policy says stays as it is.
  std::string Named(absl::string_view text) const {
    return absl::StrReplaceAll(text, {{"name_", name_}, {"NAME_", upper_name_}});
  }

  std::string Opening() const {
    std::string text =
        "/* A policy of pmoe, made by `pmoe export`: C99 and C++17, no memory but the stack and "
        "the\n"
        " * constants below, nothing to link but the C library's mathematics (-lm).\n *\n";
    for (const auto& [key, value] : Describe(policy_)) {
      absl::StrAppend(&text, " * ", key, ": ", CComment(value), "\n");
    }
    return text + Named(" */\n#ifndef NAME_H_\n#define NAME_H_\n\n") +
           "#include <math.h>\n#include <stdint.h>\n#include <string.h>\n\n";
  }

  std::string Macros() const {
    static constexpr const char* kMaps[] = {"NAME_SQUASH", "NAME_CLIP", "NAME_RESCALE_CLIP"};
    uint32_t crc = 0;
    for (const Constant& constant : constants_) crc = Crc32(Bytes(constant.values), crc);
    std::string text;
    const auto define = [&](const char* name, const auto& value) {
      absl::StrAppend(&text, "#define ", upper_name_, name, " ", value, "\n");
    };
    define("FORMAT", kExportFormat);
    define("OBSERVATIONS", spec_.obs_dim);
    define("ACTIONS", spec_.action_dim);
    define("PRIMITIVES", spec_.primitives);
    define("NO_OPTION", "(-1)");
    define("SQUASH", 0);
    define("CLIP", 1);
    define("RESCALE_CLIP", 2);
    define("ACTION_MAP", Named(kMaps[static_cast<int>(spec_.action_map)]));
    define("LOG_STD_MIN", "(" + CFloat(kLogStdMin) + ")");
    define("LOG_STD_MAX", CFloat(kLogStdMax));
    define("SNAPSHOT_VERSION", absl::StrCat(snapshot_.version, "u"));
    define("ENV_STEPS", absl::StrCat(snapshot_.env_steps, "u"));
    define("ENV_ID", CString(policy_.env_id));
    define("PMOE", CString(BuildId()));
    define("SIMULATOR", CString(policy_.simulator));
    if (policy_.control_period_s > 0) {
      define("CONTROL_RATE_HZ", CDouble(1.0 / policy_.control_period_s));
    }
    define("GOLDEN_STEPS", policy_.golden.steps);
    define("GOLDEN_OF_EPISODE", policy_.golden.of_episode ? 1 : 0);
    define("GOLDEN_SEED", absl::StrCat(policy_.golden.seed, "u"));
    define("CONSTANTS_CRC32", absl::StrFormat("0x%08xu", crc));
    return text + "\n";
  }

  static std::string CDouble(double value) {
    std::string text = NumberText(value);
    return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
  }

  static absl::string_view Bytes(absl::Span<const float> values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
  }

  std::string ObservationNames() const {
    if (policy_.observation_names.empty()) return "";
    std::string text = Named(
        "\n/* What obs[i] is; i in [0, NAME_OBSERVATIONS). */\n"
        "static inline const char *name_observation_name(int i) {\n"
        "  static const char *const names[NAME_OBSERVATIONS] = {\n");
    for (const std::string& name : policy_.observation_names) {
      absl::StrAppend(&text, "    ", CString(name), ",\n");
    }
    return text + "  };\n  return names[i];\n}\n";
  }

  // A layer's own variable; heads have names.
  std::string Variable(const std::string& layer) const {
    if (layer == "obs") return spec_.normalizes_obs ? "x" : "obs";
    for (const char* head : {"mean", "log_std", "router", "beta"}) {
      if (layer == head) return "y_" + layer;
    }
    for (size_t i = 0; i < spec_.layers.size(); ++i) {
      if (spec_.layers[i].name == layer) return absl::StrCat("y", i);
    }
    return "";
  }

  std::string Layers() const {
    std::string text;
    for (size_t i = 0; i < spec_.layers.size(); ++i) {
      const DenseLayer& layer = spec_.layers[i];
      const std::string y = Variable(layer.name);
      if (layer.input.empty()) {
        absl::StrAppend(&text, "  memcpy(", y, ", name_b", i, ", sizeof ", y, ");\n");
      } else {
        absl::StrAppend(&text, "  name_dense(", Variable(layer.input), ", ", layer.inputs, ", ",
                        layer.outputs, ", ", layer.blocks, ", name_w", i, ", name_b", i, ", ", y,
                        ");\n");
      }
      static constexpr const char* kFunctions[] = {"", "relu", "tanh", "sigmoid", "log_softplus"};
      const char* const function = kFunctions[static_cast<int>(layer.activation)];
      if (layer.activation == Activation::kIdentity) continue;
      absl::StrAppend(&text, "  name_", function, "(", y, ", ", layer.outputs, ");\n");
    }
    return text;
  }

  std::string Forward() const {
    std::string text =
        "\n/* All of *out but the action. before: the primitive of the step before, or "
        "NAME_NO_OPTION "
        "*/\n"
        "static inline void name_forward(const float *obs, int before, name_output *out) {\n"
        "  float log_std[NAME_PRIMITIVES][NAME_ACTIONS];\n";
    if (spec_.normalizes_obs) text += "  float x[NAME_OBSERVATIONS];\n";
    for (const DenseLayer& layer : spec_.layers) {
      absl::StrAppend(&text, "  float ", Variable(layer.name), "[", layer.outputs, "];\n");
    }
    text += "  int i, j;\n";
    if (spec_.head != HeadType::kOption) text += "  (void)before;\n";
    if (spec_.normalizes_obs) {
      absl::StrAppend(&text,
                      "  for (i = 0; i < NAME_OBSERVATIONS; ++i) {\n"
                      "    x[i] = name_clamp((obs[i] - name_obs_mean[i]) / name_obs_std[i], ",
                      CFloat(-kObsClip), ", ", CFloat(kObsClip), ");\n  }\n");
    }
    absl::StrAppend(&text, Layers(), kPrimitives);
    return text + HeadText() + "}\n";
  }

  std::string HeadText() const {
    switch (spec_.head) {
      case HeadType::kGaussian:
        return kFirstActs;
      case HeadType::kMixture:
        return absl::StrCat(kSoftmax, kArgmax);
      case HeadType::kGating:
        return absl::StrCat(
            kSoftmax,
            absl::StrReplaceAll(kGating, {{"SHARE", spec_.gating_squared ? "w * w" : "w"}}));
      case HeadType::kMcp:
        return kMcp;
      case HeadType::kOption:
        return absl::StrCat(kSoftmax, kOption);
    }
    return "";
  }

  std::string Golden() const {
    const GoldenTrajectory& golden = policy_.golden;
    return absl::StrCat(CFloatArray(name_ + "golden_obs", golden.observations),
                        CFloatArray(name_ + "golden_action", golden.actions),
                        CIntArray(name_ + "golden_primitive", golden.primitives));
  }

  std::string ConstantsCrc() const {
    std::string text =
        "\nstatic inline uint32_t name_crc(const float *values, long count, uint32_t crc);\n"
        "static inline uint32_t name_constants_crc(void) {\n  uint32_t crc = 0;\n";
    for (const Constant& constant : constants_) {
      absl::StrAppend(&text, "  crc = name_crc(", constant.name, ", ", constant.values.size(),
                      "L, crc);\n");
    }
    return text + "  return crc;\n}\n";
  }

  const ExportedPolicy& policy_;
  const PolicySnapshot& snapshot_;
  const PolicySpec& spec_;
  const FloatBounds& bounds_;
  const std::string name_;
  const std::string upper_name_;
  std::vector<Constant> constants_;
};

}  // namespace

std::string CNameOf(const std::string& path) {
  std::string name = std::filesystem::path(path).stem().string();
  for (char& c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  const bool begins_well = !name.empty() && absl::ascii_isalpha(name[0]);
  return begins_well ? name : "policy_" + name;
}

absl::StatusOr<std::string> CEdition(const ExportedPolicy& policy, const std::string& name) {
  PMOE_ASSIGN_OR_RETURN(const FloatBounds bounds, BoundsAsFloat(policy.snapshot->spec));
  const std::string text = Writer(policy, bounds, name).Text();
  return absl::StrCat(text, "// crc32 ", absl::StrFormat("%08x", Crc32(text)), "\n");
}

}  // namespace pmoe
