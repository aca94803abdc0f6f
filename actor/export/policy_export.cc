#include "actor/export/policy_export.h"

#include <zip.h>

#include <deque>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/policy/parameter_layout.h"
#include "nlohmann/json.hpp"

namespace pmoe {
namespace {

constexpr size_t kNpyAlign = 64;

// One array in NumPy's .npy format, version 1.0.
std::string Npy(const std::string& type, const std::vector<int>& shape, absl::string_view data) {
  std::string header =
      absl::StrCat("{'descr': '", type, "', 'fortran_order': False, 'shape': (",
                   absl::StrJoin(shape, ", "), shape.size() == 1 ? "," : "", "), }");
  constexpr size_t kPreamble = 10;
  header.append(kNpyAlign - 1 - (kPreamble + header.size()) % kNpyAlign, ' ');
  header += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(header.size() & 0xff);
  out += static_cast<char>(header.size() >> 8);
  return absl::StrCat(out, header, data);
}

const char* ActivationName(Activation activation) {
  switch (activation) {
    case Activation::kRelu:
      return "relu";
    case Activation::kTanh:
      return "tanh";
    case Activation::kSigmoid:
      return "sigmoid";
    case Activation::kLogSoftplus:
      return "log_softplus";
    case Activation::kIdentity:
      break;
  }
  return "identity";
}

const char* HeadName(HeadType head) {
  static constexpr const char* kNames[] = {"gaussian", "mixture", "gating", "mcp", "option"};
  return kNames[static_cast<int>(head)];
}

const char* ActionMapName(ActionMap map) {
  static constexpr const char* kNames[] = {"squash", "clip", "rescale_clip"};
  return kNames[static_cast<int>(map)];
}

std::string SpecJson(const PolicySnapshot& snapshot) {
  const PolicySpec& spec = snapshot.spec;
  nlohmann::ordered_json json = {{"format", 2},
                                 {"head", HeadName(spec.head)},
                                 {"action_map", ActionMapName(spec.action_map)},
                                 {"gating_squared", spec.gating_squared},
                                 {"obs_dim", spec.obs_dim},
                                 {"action_dim", spec.action_dim},
                                 {"primitives", spec.primitives},
                                 {"action_low", spec.action_low},
                                 {"action_high", spec.action_high},
                                 {"version", snapshot.version},
                                 {"env_steps", snapshot.env_steps},
                                 {"normalizes_obs", spec.normalizes_obs},
                                 {"layers", nlohmann::ordered_json::array()}};
  for (const DenseLayer& layer : spec.layers) {
    json["layers"].push_back({{"name", layer.name},
                              {"input", layer.input},
                              {"activation", ActivationName(layer.activation)},
                              {"blocks", layer.blocks}});
  }
  return json.dump();
}

// The bytes must outlive the archive's closing.
bool AddFile(zip_t* archive, const std::string& name, const std::string& bytes) {
  zip_source_t* const source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
  if (source == nullptr) return false;
  const zip_int64_t index = zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8);
  if (index < 0) {
    zip_source_free(source);
    return false;
  }
  return zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), ZIP_CM_STORE, 0) == 0;
}

}  // namespace

absl::Status ExportPolicy(const PolicySnapshot& snapshot, const std::string& path) {
  std::deque<std::string> arrays;
  // libzip writes beside the file and renames it: an old one stays until the new one is whole.
  int error = 0;
  zip_t* const archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &error);
  if (archive == nullptr) {
    zip_error_t text;
    zip_error_init_with_code(&text, error);
    const std::string message = zip_error_strerror(&text);
    zip_error_fini(&text);
    return absl::NotFoundError(absl::StrCat("cannot write ", path, ": ", message));
  }
  bool good = true;
  const auto add = [&](const std::string& name, std::string array) {
    arrays.push_back(std::move(array));
    good = good && AddFile(archive, name + ".npy", arrays.back());
  };
  const ParameterLayout layout(snapshot.spec.layers, /*members=*/1, /*copies=*/1);
  for (const Parameter& p : layout.parameters()) {
    const size_t count = static_cast<size_t>(p.rows) * static_cast<size_t>(p.cols);
    const absl::string_view data(reinterpret_cast<const char*>(snapshot.weights.data() + p.offset),
                                 count * sizeof(float));
    const bool bias = absl::EndsWith(p.name, ".bias");
    add(p.name,
        Npy("<f4", bias ? std::vector<int>{p.cols} : std::vector<int>{p.rows, p.cols}, data));
  }
  for (const auto& [name, values] :
       {std::pair{"obs_mean", &snapshot.obs_mean}, std::pair{"obs_std", &snapshot.obs_std}}) {
    if (!snapshot.spec.normalizes_obs) continue;
    const absl::string_view data(reinterpret_cast<const char*>(values->data()),
                                 values->size() * sizeof(float));
    add(name, Npy("<f4", {static_cast<int>(values->size())}, data));
  }
  const std::string spec = SpecJson(snapshot);
  add("spec", Npy("|u1", {static_cast<int>(spec.size())}, spec));
  if (!good || zip_close(archive) != 0) {
    const std::string message = zip_strerror(archive);
    zip_discard(archive);
    return absl::NotFoundError(absl::StrCat("cannot write ", path, ": ", message));
  }
  return absl::OkStatus();
}

}  // namespace pmoe
