#include "actor/env/mjcf/model_search.h"

#include <filesystem>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "actor/env/mujoco_model.h"

namespace pmoe {

absl::StatusOr<std::string> FindModel(const std::string& model, const Place& place,
                                      const std::string& assets_dir) {
  namespace fs = std::filesystem;
  std::vector<std::string> places;
  if (!absl::StartsWith(model, "/") && !absl::StartsWith(model, "~")) {
    const fs::path folder = fs::absolute(fs::path(std::string(place.file))).parent_path();
    places.push_back((folder / model).lexically_normal().string());
  }
  // What Gymnasium would do with it; a dot means the working directory there, and this file's here.
  if (!absl::StartsWith(model, ".")) places.push_back(ModelPath(model, assets_dir));
  for (const std::string& path : places) {
    std::error_code ignored;
    if (fs::is_regular_file(path, ignored)) return path;
  }
  return absl::NotFoundError(std::string(
      place.Error(absl::StrCat("there is no file ", absl::StrJoin(places, " and no "))).message()));
}

}  // namespace pmoe
