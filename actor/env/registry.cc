#include "actor/env/registry.h"

#include <array>

#include "absl/strings/match.h"
#include "actor/env/mjcf/mjcf_task.h"
#include "actor/env/plugin_env.h"
#include "actor/env/target_reaching.h"
#include "actor/env/tasks/ant.h"
#include "actor/env/tasks/half_cheetah.h"
#include "actor/env/tasks/hopper.h"
#include "actor/env/tasks/humanoid.h"
#include "actor/env/tasks/humanoid_standup.h"
#include "actor/env/tasks/inverted_double_pendulum.h"
#include "actor/env/tasks/inverted_pendulum.h"
#include "actor/env/tasks/pusher.h"
#include "actor/env/tasks/reacher.h"
#include "actor/env/tasks/swimmer.h"
#include "actor/env/tasks/walker2d.h"
#include "common/base/status_macros.h"
#include "mujoco/mujoco.h"

namespace pmoe {
namespace {

struct Entry {
  absl::string_view id;
  absl::StatusOr<std::unique_ptr<Env>> (*create)(const EnvRequest& request);
};

constexpr std::array<Entry, 24> kEntries = {{
    {"Ant-v2", &Ant::Create},
    {"Ant-v4", &Ant::Create},
    {"Ant-v5", &Ant::Create},
    {"HalfCheetah-v2", &HalfCheetah::Create},
    {"HalfCheetah-v4", &HalfCheetah::Create},
    {"HalfCheetah-v5", &HalfCheetah::Create},
    {"Hopper-v2", &Hopper::Create},
    {"Hopper-v4", &Hopper::Create},
    {"Hopper-v5", &Hopper::Create},
    {"Humanoid-v2", &Humanoid::Create},
    {"Humanoid-v4", &Humanoid::Create},
    {"Humanoid-v5", &Humanoid::Create},
    {"HumanoidStandup-v2", &HumanoidStandup::Create},
    {"HumanoidStandup-v4", &HumanoidStandup::Create},
    {"HumanoidStandup-v5", &HumanoidStandup::Create},
    {"InvertedDoublePendulum-v5", &InvertedDoublePendulum::Create},
    {"InvertedPendulum-v5", &InvertedPendulum::Create},
    {"Pusher-v5", &Pusher::Create},
    {"Reacher-v5", &Reacher::Create},
    {"Swimmer-v5", &Swimmer::Create},
    {"TargetReaching-v0", &TargetReaching::Create},
    {"Walker2d-v2", &Walker2d::Create},
    {"Walker2d-v4", &Walker2d::Create},
    {"Walker2d-v5", &Walker2d::Create},
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
