#include "common/policy/policy_snapshot.h"

#include <algorithm>
#include <cmath>

#include "common/base/status_macros.h"
#include "common/policy/container.h"
#include "common/policy/parameter_layout.h"

namespace pmoe {

std::string PolicySnapshot::Encode() const {
  ContainerWriter writer;
  ByteWriter spec_bytes;
  spec.Save(&spec_bytes);
  writer.Add("spec", spec_bytes.Take());
  writer.Add("weights", std::string(reinterpret_cast<const char*>(weights.data()),
                                    weights.size() * sizeof(float)));
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
  if (!std::all_of(snapshot.weights.begin(), snapshot.weights.end(),
                   [](float w) { return std::isfinite(w); })) {
    return absl::DataLossError("policy snapshot: a weight is not finite");
  }
  return snapshot;
}

}  // namespace pmoe
