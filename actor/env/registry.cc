#include "actor/env/registry.h"

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "actor/env/env_list.h"
#include "actor/env/gym/embedded_gym.h"
#include "actor/env/gym/gym_process.h"
#include "actor/env/gym/gym_spec.h"
#include "actor/env/mjcf/mjcf_task.h"
#include "actor/env/plugin_env.h"
#include "actor/env/target_reaching.h"
#include "actor/env/tasks/tasks.h"
#include "common/base/status_macros.h"
#include "mujoco/mujoco.h"

namespace pmoe {
namespace {

struct Family {
  absl::string_view name;  // an id without its version
  absl::StatusOr<std::unique_ptr<Env>> (*make)(const EnvRequest& request);
};

constexpr Family kFamilies[] = {
    {"Ant", &MakeAnt},
    {"HalfCheetah", &MakeHalfCheetah},
    {"Hopper", &MakeHopper},
    {"Humanoid", &MakeHumanoid},
    {"HumanoidStandup", &MakeHumanoidStandup},
    {"InvertedDoublePendulum", &MakeInvertedDoublePendulum},
    {"InvertedPendulum", &MakeInvertedPendulum},
    {"Pusher", &MakePusher},
    {"Reacher", &MakeReacher},
    {"Swimmer", &MakeSwimmer},
    {"TargetReaching", &TargetReaching::Create},
    {"Walker2d", &MakeWalker2d},
};

// Behind the interface of plugins; Gymnasium's id and the interpreter go in beside the parameters.
absl::StatusOr<std::unique_ptr<Env>> MakeGymEnv(const EnvRequest& request,
                                                const PmoeEnvPlugin* plugin, size_t prefix) {
  std::map<std::string, std::string> args = request.args;
  args[kGymIdArg] = request.id.substr(prefix);
  args[kGymPythonArg] = request.python;
  return PluginEnv::CreateIn(PluginLibrary(plugin), request, args);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Env>> MakeEnv(const std::string& id,
                                             const std::map<std::string, std::string>& args,
                                             const std::string& assets_dir) {
  EnvRequest request;
  request.id = id;
  request.args = args;
  request.assets_dir = assets_dir;
  return MakeEnv(request);
}

absl::StatusOr<std::unique_ptr<Env>> MakeEnv(const EnvRequest& request) {
  const std::string& id = request.id;
  PMOE_RETURN_IF_ERROR(CheckEnvId(id));
  if (absl::StartsWith(id, kMjcfPrefix)) return MjcfTask::Create(request);
  if (absl::StartsWith(id, kPluginPrefix)) return PluginEnv::Create(request);
  for (const auto& [prefix, plugin] :
       {std::pair(kGymPrefix, &EmbeddedGym), std::pair(kGymProcessPrefix, &GymInProcess)}) {
    if (absl::StartsWith(id, prefix)) return MakeGymEnv(request, plugin(), prefix.size());
  }
  const absl::string_view name = absl::string_view(id).substr(0, id.rfind('-'));
  for (const Family& family : kFamilies) {
    if (family.name == name) return family.make(request);
  }
  return absl::InternalError("environment " + id + " is listed but not registered");
}

std::string SimulatorName() { return std::string("MuJoCo ") + mj_versionString(); }

}  // namespace pmoe
