#include "actor/export/policy_export.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "actor/env/registry.h"
#include "actor/export/c_edition.h"
#include "actor/export/npz_edition.h"
#include "actor/export/onnx_edition.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

std::string Ending(const std::string& path) {
  return std::filesystem::path(path).extension().string();
}

absl::StatusOr<std::string> Edition(const ExportedPolicy& policy, const std::string& path) {
  PMOE_RETURN_IF_ERROR(CheckExportPath(path));
  if (Ending(path) == ".onnx") return OnnxEdition(policy);
  if (Ending(path) == ".h") return CEdition(policy, CNameOf(path));
  return NpzEdition(policy);
}

}  // namespace

absl::Status CheckExportPath(const std::string& path) {
  for (const char* ending : {".onnx", ".h", ".npz"}) {
    if (Ending(path) == ending) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--out must end in .onnx (ONNX), .h (C) or .npz (NumPy), got \"", path, "\""));
}

absl::StatusOr<ExportedPolicy> CollectPolicy(std::shared_ptr<const PolicySnapshot> snapshot,
                                             const std::string& env_id, Env* env) {
  ExportedPolicy policy;
  policy.snapshot = std::move(snapshot);
  policy.env_id = env_id;
  policy.simulator = SimulatorName();
  if (env == nullptr) {
    PMOE_ASSIGN_OR_RETURN(policy.golden, DrawGoldenTrajectory(policy.snapshot));
    return policy;
  }
  policy.control_period_s = env->step_s();
  policy.observation_names = env->ObservationNames();
  PMOE_ASSIGN_OR_RETURN(policy.golden, PlayGoldenTrajectory(policy.snapshot, env));
  return policy;
}

absl::Status ExportPolicy(const ExportedPolicy& policy, const std::string& path) {
  PMOE_ASSIGN_OR_RETURN(const std::string bytes, Edition(policy, path));
  const absl::Status written = WriteFileAtomic(path, bytes);
  if (written.ok()) return written;
  const bool full = absl::IsResourceExhausted(written);
  return absl::Status(
      full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kFailedPrecondition,
      absl::StrCat("cannot write --out ", path,
                   full ? ": the disk is full; free some space, then export again ("
                        : "; name a file in a folder that can be written (",
                   std::string(written.message()), ")"));
}

}  // namespace pmoe
