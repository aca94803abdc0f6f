// Loads MJCF models. All environments of a process that read one file share one immutable mjModel;
// each owns its mjData. Functions are thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "mujoco/mujoco.h"

namespace pmoe {

struct MjDataDeleter {
  void operator()(mjData* data) const { mj_deleteData(data); }
};
using MjDataPtr = std::unique_ptr<mjData, MjDataDeleter>;

struct MjModelDeleter {
  void operator()(mjModel* model) const { mj_deleteModel(model); }
};
using MjModelPtr = std::unique_ptr<mjModel, MjModelDeleter>;

// The model of an MJCF file. Stays loaded for as long as somebody holds it.
// NotFoundError: no such file. InvalidArgumentError: MuJoCo cannot compile it (its message is
// passed on), or it has sleeping bodies or foreign plugins, whose hidden state SaveState could not
// restore. No option of the model is changed: what steps is what the file says.
absl::StatusOr<std::shared_ptr<const mjModel>> LoadModel(const std::string& path);

// Fresh data at the model's default pose.
MjDataPtr MakeData(const mjModel& model);

// The folder of Gymnasium's models: `given` unless empty, else that of the installed gymnasium
// wheel (common/base/package.h).
std::string AssetsDir(const std::string& given);

// xml_file under Gymnasium's rules: a path if it starts with '/', '.' or '~', else a name inside
// assets_dir.
std::string ModelPath(const std::string& xml_file, const std::string& assets_dir);

}  // namespace pmoe
