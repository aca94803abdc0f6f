#include "actor/env/mujoco_model.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <map>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "actor/env/mujoco_errors.h"
#include "actor/env/mujoco_plugins.h"
#include "common/base/check.h"
#include "common/base/mutex.h"
#include "common/base/package.h"

namespace pmoe {
namespace {

constexpr char kAssets[] = "gymnasium/envs/mujoco/assets";

class ModelCache {
 public:
  std::shared_ptr<const mjModel> Find(const std::string& path) ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    const auto it = models_.find(path);
    return it == models_.end() ? nullptr : it->second.lock();
  }
  // Two threads may have loaded the file at once: all get the one that came first.
  std::shared_ptr<const mjModel> Insert(const std::string& path,
                                        std::shared_ptr<const mjModel> model)
      ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    std::weak_ptr<const mjModel>& slot = models_[path];
    if (std::shared_ptr<const mjModel> first = slot.lock()) return first;
    slot = model;
    return model;
  }

 private:
  Mutex mu_;
  std::map<std::string, std::weak_ptr<const mjModel>> models_ ABSL_GUARDED_BY(mu_);
};

ModelCache& Cache() {
  static ModelCache* const cache = new ModelCache;
  return *cache;
}

// MuJoCo's own plugins: whatever they carry from step to step is in mjData's act and plugin_state.
bool IsRestorable(absl::string_view plugin) {
  return plugin == "mujoco.pid" || plugin == "mujoco.elasticity.cable" ||
         plugin == "mujoco.sensor.touch_grid" || absl::StartsWith(plugin, "mujoco.sdf.");
}

absl::Status CheckRestorable(const mjModel& model, const std::string& path) {
  if ((model.opt.enableflags & mjENBL_SLEEP) != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        path,
        " lets bodies sleep; which of them do is not in a checkpoint, so that a resumed run "
        "would go another way: remove <flag sleep=\"enable\"/> from its <option>"));
  }
  for (int i = 0; i < model.nplugin; ++i) {
    const mjpPlugin* const plugin = mjp_getPluginAtSlot(model.plugin[i]);
    if (plugin != nullptr && IsRestorable(plugin->name)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        path, " uses plugin ", plugin == nullptr ? "?" : plugin->name,
        ", which may keep numbers of its own that a checkpoint cannot hold; remove it, or use one "
        "of MuJoCo's own: mujoco.pid, mujoco.elasticity.cable, mujoco.sensor.touch_grid, "
        "mujoco.sdf.*"));
  }
  return absl::OkStatus();
}

// What to do about a file that MuJoCo cannot load, where its message does not tell.
std::string Advice(absl::string_view error, const absl::Status& plugins) {
  if (!plugins.ok()) return absl::StrCat("\n", std::string(plugins.message()));
  if (!absl::StrContains(error, "no decoder found")) return "";
  return absl::StrCat(
      "\nMeshes may be .stl, .obj or .msh; libstl_decoder.so and libobj_decoder.so of the mujoco "
      "wheel's folder plugin/ belong into ",
      MujocoPluginFolder());
}

// As Python's os.path.expanduser: "~/robot.xml", "~name/robot.xml"; an unknown name stays.
std::string ExpandHome(const std::string& path) {
  const size_t end = std::min(path.find('/'), path.size());
  const std::string user = path.substr(1, end - 1);
  const char* const home = std::getenv("HOME");
  if (user.empty() && home != nullptr) return home + path.substr(end);
  const passwd* const entry = user.empty() ? ::getpwuid(::getuid()) : ::getpwnam(user.c_str());
  return entry == nullptr ? path : entry->pw_dir + path.substr(end);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const mjModel>> LoadModel(const std::string& path) {
  InstallMujocoHandlers();
  if (std::shared_ptr<const mjModel> model = Cache().Find(path)) return model;
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    return absl::NotFoundError(
        absl::StrCat("no MuJoCo model at ", path, "; is the path right? Gymnasium's own come with ",
                     PackageFolder().empty() ? "./pmoe build" : "its wheel (pmoe doctor)",
                     ", or from another folder by --set env.assets=DIR"));
  }
  // What is missing matters only to a model that needs it.
  const absl::Status& plugins = LoadMujocoPlugins();
  std::array<char, 1024> error{};
  MjModelPtr model(mj_loadXML(path.c_str(), nullptr, error.data(), error.size()));
  if (model == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("MuJoCo ", mj_versionString(), " cannot load ",
                                                   path, ": ", error.data(),
                                                   Advice(error.data(), plugins)));
  }
  const absl::Status restorable = CheckRestorable(*model, path);
  if (!restorable.ok()) return restorable;
  return Cache().Insert(path, std::move(model));
}

MjDataPtr MakeData(const mjModel& model) {
  MjDataPtr data(mj_makeData(&model));
  PMOE_CHECK(data != nullptr);
  // A flex's contacts depend on memory that nobody has written (mujoco_state.h): let it be zeros,
  // as in a process that has freed nothing yet.
  if (model.nflex > 0) std::memset(data->arena, 0, static_cast<size_t>(data->narena));
  return data;
}

std::string AssetsDir(const std::string& given) {
  return given.empty() ? absl::StrCat(SitePackages(), "/", kAssets) : given;
}

std::string ModelPath(const std::string& xml_file, const std::string& assets_dir) {
  if (absl::StartsWith(xml_file, "/") || absl::StartsWith(xml_file, ".")) return xml_file;
  if (absl::StartsWith(xml_file, "~")) return ExpandHome(xml_file);
  return absl::StrCat(AssetsDir(assets_dir), "/", xml_file);
}

}  // namespace pmoe
