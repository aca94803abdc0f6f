#include "common/policy/policy_snapshot.h"

#include <algorithm>

#include "common/base/finite.h"
#include "common/base/status_macros.h"
#include "common/policy/container.h"
#include "common/policy/parameter_layout.h"

namespace pmoe {

namespace {

absl::Status DecodeNormalizer(const ContainerReader& reader, PolicySnapshot* snapshot) {
  if (!snapshot->spec.normalizes_obs) return absl::OkStatus();
  PMOE_ASSIGN_OR_RETURN(const absl::string_view bytes, reader.Section("normalizer"));
  ByteReader in(bytes);
  in.Vector(&snapshot->obs_mean);
  in.Vector(&snapshot->obs_std);
  PMOE_RETURN_IF_ERROR(in.Finish("policy snapshot: normalizer"));
  const size_t dims = static_cast<size_t>(snapshot->spec.obs_dim);
  const bool sized = snapshot->obs_mean.size() == dims && snapshot->obs_std.size() == dims;
  const bool positive = std::all_of(snapshot->obs_std.begin(), snapshot->obs_std.end(),
                                    [](float std) { return std > 0.0f; });
  if (sized && positive && AllFinite(snapshot->obs_mean) && AllFinite(snapshot->obs_std)) {
    return absl::OkStatus();
  }
  return absl::DataLossError("policy snapshot: the observation normaliser does not fit the spec");
}

}  // namespace

std::string PolicySnapshot::Encode() const {
  ContainerWriter writer;
  ByteWriter spec_bytes;
  spec.Save(&spec_bytes);
  writer.Add("spec", spec_bytes.Take());
  writer.Add("weights", std::string(reinterpret_cast<const char*>(weights.data()),
                                    weights.size() * sizeof(float)));
  if (spec.normalizes_obs) {
    ByteWriter normalizer;
    normalizer.Vector(obs_mean);
    normalizer.Vector(obs_std);
    writer.Add("normalizer", normalizer.Take());
  }
  return writer.Finish({ContainerKind::kSnapshot, spec.Hash(), version, env_steps});
}

absl::StatusOr<PolicySnapshot> PolicySnapshot::Decode(std::string bytes) {
  PMOE_ASSIGN_OR_RETURN(const ContainerReader reader, ContainerReader::Open(std::move(bytes)));
  if (reader.header().kind != ContainerKind::kSnapshot) {
    return absl::DataLossError(".pmoe container: this is a checkpoint, not a policy snapshot");
  }
  PMOE_ASSIGN_OR_RETURN(const absl::string_view spec_bytes, reader.Section("spec"));
  PMOE_ASSIGN_OR_RETURN(const absl::string_view weight_bytes, reader.Section("weights"));
  ByteReader in(spec_bytes);
  PolicySnapshot snapshot;
  PMOE_ASSIGN_OR_RETURN(snapshot.spec, PolicySpec::Load(&in));
  PMOE_RETURN_IF_ERROR(in.Finish("policy spec"));
  if (snapshot.spec.Hash() != reader.header().architecture_hash) {
    return absl::DataLossError("policy snapshot: architecture hash and spec differ");
  }
  snapshot.version = reader.header().policy_version;
  snapshot.env_steps = reader.header().env_steps;
  const size_t expected = ParameterLayout(snapshot.spec.layers, 1, 1).total();
  if (weight_bytes.size() != expected * sizeof(float)) {
    return absl::DataLossError("policy snapshot: the weights do not fit the spec");
  }
  snapshot.weights.resize(expected);
  std::memcpy(snapshot.weights.data(), weight_bytes.data(), weight_bytes.size());
  if (!AllFinite(snapshot.weights))
    return absl::DataLossError("policy snapshot: a weight is not finite");
  PMOE_RETURN_IF_ERROR(DecodeNormalizer(reader, &snapshot));
  return snapshot;
}

}  // namespace pmoe
