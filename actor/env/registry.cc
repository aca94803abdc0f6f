#include "actor/env/registry.h"

#include "absl/strings/match.h"
#include "actor/env/env_list.h"
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

}  // namespace

absl::StatusOr<std::unique_ptr<Env>> MakeEnv(const std::string& id,
                                             const std::map<std::string, std::string>& args,
                                             const std::string& assets_dir) {
  PMOE_RETURN_IF_ERROR(CheckEnvId(id));
  const EnvRequest request{.id = id, .args = args, .assets_dir = assets_dir};
  if (absl::StartsWith(id, kMjcfPrefix)) return MjcfTask::Create(request);
  if (absl::StartsWith(id, kPluginPrefix)) return PluginEnv::Create(request);
  const absl::string_view name = absl::string_view(id).substr(0, id.rfind('-'));
  for (const Family& family : kFamilies) {
    if (family.name == name) return family.make(request);
  }
  return absl::InternalError("environment " + id + " is listed but not registered");
}

std::string SimulatorName() { return std::string("MuJoCo ") + mj_versionString(); }

}  // namespace pmoe
