#include "actor/env/mjcf/object_names.h"

#include <fnmatch.h>

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/near_names.h"

namespace pmoe {
namespace {

constexpr size_t kNamesListed = 40;

absl::Status UnknownName(const mjModel& model, mjtObj kind, const std::string& name) {
  std::vector<std::string> names;
  for (int i = 0; i < CountObjects(model, kind); ++i) {
    if (const char* known = mj_id2name(&model, kind, i)) names.emplace_back(known);
  }
  const std::vector<std::string> near = NearNames(name, names);
  const bool more = names.size() > kNamesListed;
  if (more) names.resize(kNamesListed);
  return absl::InvalidArgumentError(absl::StrCat(
      "the model has no ", mju_type2Str(kind), " named \"", name, "\"",
      near.empty() ? "" : absl::StrCat("; did you mean ", absl::StrJoin(near, " or "), "?"),
      names.empty() ? "" : absl::StrCat(" It has ", absl::StrJoin(names, ", ")),
      more ? ", …" : ""));
}

}  // namespace

int CountObjects(const mjModel& model, mjtObj kind) {
  switch (kind) {
    case mjOBJ_BODY:
      return static_cast<int>(model.nbody);
    case mjOBJ_JOINT:
      return static_cast<int>(model.njnt);
    case mjOBJ_GEOM:
      return static_cast<int>(model.ngeom);
    case mjOBJ_SITE:
      return static_cast<int>(model.nsite);
    case mjOBJ_ACTUATOR:
      return static_cast<int>(model.nu);
    case mjOBJ_SENSOR:
      return static_cast<int>(model.nsensor);
    case mjOBJ_TENDON:
      return static_cast<int>(model.ntendon);
    case mjOBJ_KEY:
      return static_cast<int>(model.nkey);
    default:
      return 0;
  }
}

std::string DescribeObject(const mjModel& model, mjtObj kind, int id) {
  const char* const name = mj_id2name(&model, kind, id);
  return name == nullptr || *name == '\0' ? absl::StrCat(mju_type2Str(kind), " ", id)
                                          : absl::StrCat(mju_type2Str(kind), " \"", name, "\"");
}

absl::StatusOr<std::vector<int>> FindObjects(const mjModel& model, mjtObj kind,
                                             const NameList& names) {
  const int count = CountObjects(model, kind);
  std::vector<int> found;
  if (names.empty()) {
    found.resize(count);
    std::iota(found.begin(), found.end(), 0);
    return found;
  }
  const auto add = [&found](int id) {
    if (std::find(found.begin(), found.end(), id) == found.end()) found.push_back(id);
  };
  for (const std::string& name : names) {
    bool matched = false;
    // An exact name first: models may have names with brackets.
    if (const int id = mj_name2id(&model, kind, name.c_str()); id >= 0) {
      add(id);
      continue;
    }
    for (int id = 0; id < count; ++id) {
      const char* const known = mj_id2name(&model, kind, id);
      if (known == nullptr || ::fnmatch(name.c_str(), known, FNM_NOESCAPE) != 0) continue;
      matched = true;
      add(id);
    }
    if (!matched) return UnknownName(model, kind, name);
  }
  return found;
}

absl::StatusOr<int> FindObject(const mjModel& model, mjtObj kind, const std::string& name) {
  const int id = mj_name2id(&model, kind, name.c_str());
  if (id >= 0) return id;
  return UnknownName(model, kind, name);
}

}  // namespace pmoe
