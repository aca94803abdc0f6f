#include "actor/env/mujoco_plugins.h"

#include <dlfcn.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "mujoco/mujoco.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

// Sorted, so that plugins get the same slots in every process.
std::vector<fs::path> Libraries(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".so") found.push_back(it->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

absl::Status Load() {
  const std::string folder = MujocoPluginFolder();
  const std::vector<fs::path> libraries = Libraries(folder);
  if (libraries.empty()) {
    return absl::NotFoundError(absl::StrCat(
        "MuJoCo's decoders of mesh files and its plugins are missing: there is no library in ",
        folder, "; copy the folder plugin/ of the mujoco wheel there"));
  }
  for (const fs::path& library : libraries) {
    // mj_loadPluginLibrary ends the process where a library does not load: ask first.
    if (::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL) == nullptr) {
      return absl::FailedPreconditionError(
          absl::StrCat("MuJoCo's library ", library.string(), " does not load: ", ::dlerror(),
                       "; copy the folder plugin/ of the mujoco wheel there again"));
    }
    mj_loadPluginLibrary(library.c_str());
  }
  return absl::OkStatus();
}

}  // namespace

std::string MujocoPluginFolder() {
  Dl_info info{};
  // By its name: the function's address here may be the program's own stub of it.
  const void* const step = ::dlsym(RTLD_DEFAULT, "mj_step");
  if (step == nullptr || ::dladdr(step, &info) == 0) return "plugin";
  std::error_code ignored;
  // The binary may name it by a relative path, and the name may be a link.
  const fs::path library = fs::weakly_canonical(info.dli_fname, ignored);
  return (library.parent_path() / "plugin").string();
}

const absl::Status& LoadMujocoPlugins() {
  static const absl::Status* const status = new absl::Status(Load());
  return *status;
}

}  // namespace pmoe
