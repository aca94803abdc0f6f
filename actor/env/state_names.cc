#include "actor/env/state_names.h"

#include "absl/strings/str_cat.h"

namespace pmoe {

std::string ObjectNumberName(const mjModel& model, mjtObj kind, int id, const std::string& base,
                             int index, int count) {
  const char* const name = mj_id2name(&model, kind, id);
  const bool named = name != nullptr && *name != '\0';
  return absl::StrCat(base, ".", named ? std::string(name) : absl::StrCat(mju_type2Str(kind), id),
                      count == 1 ? "" : absl::StrCat("[", index, "]"));
}

std::vector<std::string> StateNames(const mjModel& model, int skipped) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& base, const int* address, int size) {
    const int joints = static_cast<int>(model.njnt);
    for (int id = 0; id < joints; ++id) {
      const int count = (id + 1 < joints ? address[id + 1] : size) - address[id];
      for (int i = 0; i < count; ++i) {
        names.push_back(ObjectNumberName(model, mjOBJ_JOINT, id, base, i, count));
      }
    }
  };
  add("qpos", model.jnt_qposadr, static_cast<int>(model.nq));
  names.erase(names.begin(), names.begin() + skipped);
  add("qvel", model.jnt_dofadr, static_cast<int>(model.nv));
  return names;
}

}  // namespace pmoe
