#include "actor/env/env_list.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/base/near_names.h"

namespace pmoe {
namespace {

constexpr int kEpisodeSteps = 1000;

// A task that comes as -v5, -v4 and -v2.
struct Family {
  const char* name;
  int obs_dim;
  int obs_dim_v4;
  int obs_dim_v2;
  int action_dim;
  double action_limit;
  const char* description;
  const char* since_v5;  // what v5 changed
  const char* v2;        // what the emulation adds to v4
};

constexpr char kContactsOfV2[] = " with contact terms (contact_forces=zero or computed)";

constexpr Family kFamilies[] = {
    {"Ant", 105, 27, 111, 8, 1.0,
     "four-legged walker in 3D; forward speed and soft contacts, ends when it jumps or falls",
     ": no contact terms, the last step is paid as healthy", kContactsOfV2},
    {"HalfCheetah", 17, 17, 17, 6, 1.0, "planar runner; forward speed minus effort; never falls",
     "; the same task", ""},
    {"Hopper", 11, 11, 11, 3, 1.0, "planar one-legged hopper; forward speed, ends when it falls",
     ": the last step is paid as healthy", ""},
    {"Humanoid", 348, 376, 376, 17, 0.4,
     "3D biped; forward speed and staying upright, ends when it falls",
     ": no contact cost, the last step is paid as healthy, the world body is observed too",
     kContactsOfV2},
    {"HumanoidStandup", 348, 376, 376, 17, 0.4,
     "3D biped on its back; height of the torso; never ends", ": the world body is observed too",
     kContactsOfV2},
    {"Walker2d", 17, 17, 17, 6, 1.0, "planar two-legged walker; forward speed, ends when it falls",
     ": the last step is paid as healthy, less friction at the right foot", ""},
};

}  // namespace

std::vector<EnvInfo> ListEnvs() {
  std::vector<EnvInfo> envs = {
      {"InvertedDoublePendulum-v5", 9, 1, 1.0, 1000,
       "two poles on a cart; stay up; learns in minutes"},
      {"InvertedPendulum-v5", 4, 1, 3.0, 1000,
       "pole on a cart; one point per step upright; learns in minutes"},
      {"Pusher-v5", 23, 7, 2.0, 100, "seven-joint arm; pushes a cylinder to its goal; never ends"},
      {"Reacher-v5", 10, 2, 1.0, 50, "two-link arm; fingertip to a random target; never ends"},
      {"Swimmer-v5", 8, 2, 1.0, 1000, "planar swimmer of three links; forward speed; never ends"},
      {"TargetReaching-v0", 17, 2, 1.0, kEpisodeSteps,
       "point mass among obstacles, the paper's (variant=code, paper or fixed)"},
  };
  for (const Family& family : kFamilies) {
    const auto add = [&](const char* version, int obs_dim, const std::string& description) {
      envs.push_back({absl::StrCat(family.name, "-", version), obs_dim, family.action_dim,
                      family.action_limit, kEpisodeSteps, description});
    };
    add("v5", family.obs_dim, family.description);
    add("v4", family.obs_dim_v4, absl::StrCat("as before v5", family.since_v5));
    add("v2", family.obs_dim_v2, absl::StrCat("emulation of the mujoco-py task: v4", family.v2));
  }
  // By name, the newest version first.
  std::sort(envs.begin(), envs.end(), [](const EnvInfo& a, const EnvInfo& b) {
    const auto name = [](const EnvInfo& info) { return info.id.substr(0, info.id.rfind('-')); };
    return std::make_pair(name(a), b.id) < std::make_pair(name(b), a.id);
  });
  return envs;
}

absl::Status ModelIsNoTask(absl::string_view file) {
  file = absl::StripPrefix(file, "mjcf:");
  return absl::InvalidArgumentError(
      absl::StrCat(file,
                   " is a model: what is observed, rewarded and acted with says a task file beside "
                   "it, which begins with model: \"",
                   file, "\"; give that as --env mjcf:FILE.textproto (docs/robots.md)"));
}

absl::Status CheckEnvId(absl::string_view id) {
  const bool is_model = absl::EndsWith(id, ".xml") || absl::EndsWith(id, ".mjcf");
  if (absl::StartsWith(id, "mjcf:") && is_model) return ModelIsNoTask(id);
  for (const absl::string_view prefix : {kGymPrefix, kGymProcessPrefix}) {
    if (!absl::StartsWith(id, prefix)) continue;
    if (id.size() > prefix.size()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("\"", id, "\" names no environment: ", prefix,
                                                   "FetchReach-v4, or ", prefix,
                                                   "MODULE:ID of a module that registers it"));
  }
  // The file itself says what it is.
  if (absl::StartsWith(id, "mjcf:") || absl::StartsWith(id, "plugin:")) return absl::OkStatus();
  std::vector<std::string> known;
  for (const EnvInfo& info : ListEnvs()) {
    if (info.id == id) return absl::OkStatus();
    known.push_back(info.id);
  }
  if (absl::EndsWith(id, ".xml") || absl::EndsWith(id, ".mjcf")) return ModelIsNoTask(id);
  const std::string unknown = absl::StrCat("unknown environment \"", id, "\"; ");
  for (const auto& [ending, kind] : {std::pair{".textproto", "mjcf:"}, {".so", "plugin:"}}) {
    if (absl::EndsWith(id, ending)) {
      return absl::InvalidArgumentError(absl::StrCat(unknown, "did you mean ", kind, id, "?"));
    }
  }
  const std::vector<std::string> near = NearNames(id, known);
  return absl::InvalidArgumentError(absl::StrCat(
      unknown,
      near.empty()
          ? absl::StrCat("Known: ", absl::StrJoin(known, ", "), ", ")
          : absl::StrCat("did you mean ", absl::StrJoin(near, " or "), "? `pmoe envs` lists all; "),
      "yours: mjcf:FILE.textproto, gym:ID, plugin:FILE.so"));
}

}  // namespace pmoe
