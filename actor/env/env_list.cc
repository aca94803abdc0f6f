#include "actor/env/env_list.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/near_names.h"

namespace pmoe {

std::vector<EnvInfo> ListEnvs() {
  return {
      {"Ant-v5", 105, 8, 1.0, 1000,
       "four-legged walker in 3D; forward speed and soft contacts, ends when it jumps or falls"},
      {"HalfCheetah-v5", 17, 6, 1.0, 1000,
       "planar runner; forward speed minus effort; never falls"},
      {"Hopper-v5", 11, 3, 1.0, 1000,
       "planar one-legged hopper; forward speed, ends when it falls"},
      {"Humanoid-v5", 348, 17, 0.4, 1000,
       "3D biped; forward speed and staying upright, ends when it falls"},
      {"HumanoidStandup-v5", 348, 17, 0.4, 1000,
       "3D biped on its back; height of the torso; never ends"},
      {"InvertedPendulum-v5", 4, 1, 3.0, 1000,
       "pole on a cart; one point per step upright; learns in minutes"},
      {"Swimmer-v5", 8, 2, 1.0, 1000, "planar swimmer of three links; forward speed; never ends"},
      {"Walker2d-v5", 17, 6, 1.0, 1000,
       "planar two-legged walker; forward speed, ends when it falls"},
  };
}

absl::Status CheckEnvId(absl::string_view id) {
  std::vector<std::string> known;
  for (const EnvInfo& info : ListEnvs()) {
    if (info.id == id) return absl::OkStatus();
    known.push_back(info.id);
  }
  const std::vector<std::string> near = NearNames(id, known);
  return absl::InvalidArgumentError(absl::StrCat(
      "unknown environment \"", id, "\"; ",
      near.empty() ? "" : absl::StrCat("did you mean ", absl::StrJoin(near, " or "), "? "),
      "Known: ", absl::StrJoin(known, ", ")));
}

}  // namespace pmoe
