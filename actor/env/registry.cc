#include "actor/env/registry.h"

#include <array>

#include "absl/strings/match.h"
#include "actor/env/mjcf/mjcf_task.h"
#include "actor/env/plugin_env.h"
#include "actor/env/target_reaching.h"
#include "actor/env/tasks/tasks.h"
#include "common/base/status_macros.h"
#include "mujoco/mujoco.h"

namespace pmoe {
namespace {

struct Entry {
  absl::string_view id;
  absl::StatusOr<std::unique_ptr<Env>> (*create)(const EnvRequest& request);
};

constexpr std::array<Entry, 24> kEntries = {{
    {"Ant-v2", &MakeAnt},
    {"Ant-v4", &MakeAnt},
    {"Ant-v5", &MakeAnt},
    {"HalfCheetah-v2", &MakeHalfCheetah},
    {"HalfCheetah-v4", &MakeHalfCheetah},
    {"HalfCheetah-v5", &MakeHalfCheetah},
    {"Hopper-v2", &MakeHopper},
    {"Hopper-v4", &MakeHopper},
    {"Hopper-v5", &MakeHopper},
    {"Humanoid-v2", &MakeHumanoid},
    {"Humanoid-v4", &MakeHumanoid},
    {"Humanoid-v5", &MakeHumanoid},
    {"HumanoidStandup-v2", &MakeHumanoidStandup},
    {"HumanoidStandup-v4", &MakeHumanoidStandup},
    {"HumanoidStandup-v5", &MakeHumanoidStandup},
    {"InvertedDoublePendulum-v5", &MakeInvertedDoublePendulum},
    {"InvertedPendulum-v5", &MakeInvertedPendulum},
    {"Pusher-v5", &MakePusher},
    {"Reacher-v5", &MakeReacher},
    {"Swimmer-v5", &MakeSwimmer},
    {"TargetReaching-v0", &TargetReaching::Create},
    {"Walker2d-v2", &MakeWalker2d},
    {"Walker2d-v4", &MakeWalker2d},
    {"Walker2d-v5", &MakeWalker2d},
}};

}  // namespace

absl::StatusOr<std::unique_ptr<Env>> MakeEnv(const std::string& id,
                                             const std::map<std::string, std::string>& args,
                                             const std::string& assets_dir) {
  PMOE_RETURN_IF_ERROR(CheckEnvId(id));
  const EnvRequest request{.id = id, .args = args, .assets_dir = assets_dir};
  if (absl::StartsWith(id, kMjcfPrefix)) return MjcfTask::Create(request);
  if (absl::StartsWith(id, kPluginPrefix)) return PluginEnv::Create(request);
  for (const Entry& entry : kEntries) {
    if (entry.id == id) return entry.create(request);
  }
  return absl::InternalError("environment " + id + " is listed but not registered");
}

std::string SimulatorName() { return std::string("MuJoCo ") + mj_versionString(); }

}  // namespace pmoe
