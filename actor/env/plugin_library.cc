#include "actor/env/plugin_library.h"

#include <dlfcn.h>

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace pmoe {
namespace {

// The library's own symbols come first: another MuJoCo that it brings along is not mixed with ours.
// The sanitizers' runtimes refuse that.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kFlags = RTLD_NOW | RTLD_LOCAL;
#else
constexpr int kFlags = RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND;
#endif
constexpr uint32_t kOldVersion = 1;

// An environment of a version 1 plugin, behind functions of the newest version.
struct OldEnv {
  const PmoeEnvPluginV1* plugin;
  void* env;
};

const OldEnv& Old(const void* env) { return *static_cast<const OldEnv*>(env); }

void OldDestroy(void* env) {
  const std::unique_ptr<OldEnv> old(static_cast<OldEnv*>(env));
  old->plugin->destroy(old->env);
}

void OldSpec(const void* env, PmoeEnvSpec* spec) { Old(env).plugin->spec(Old(env).env, spec); }

int32_t OldReset(void* env, int32_t has_seed, uint64_t seed, double* obs, PmoeError* /*error*/) {
  Old(env).plugin->reset(Old(env).env, has_seed, seed, obs);
  return 1;
}

int32_t OldStep(void* env, const double* action, double* obs, PmoeStep* result,
                PmoeError* /*error*/) {
  Old(env).plugin->step(Old(env).env, action, obs, result);
  return 1;
}

size_t OldSave(const void* env, void* bytes, size_t size) {
  return Old(env).plugin->save(Old(env).env, bytes, size);
}

int32_t OldLoad(void* env, const void* bytes, size_t size) {
  return Old(env).plugin->load(Old(env).env, bytes, size);
}

constexpr PmoeEnvPlugin kOldFunctions = {
    .abi_version = PMOE_ENV_ABI_VERSION,
    .create = nullptr,
    .destroy = OldDestroy,
    .spec = OldSpec,
    .reset = OldReset,
    .step = OldStep,
    .begin_step = nullptr,
    .save = OldSave,
    .load = OldLoad,
    .info = nullptr,
    .render = nullptr,
};

bool IsWhole(const PmoeEnvPlugin& plugin) {
  return plugin.create != nullptr && plugin.destroy != nullptr && plugin.spec != nullptr &&
         plugin.reset != nullptr && plugin.step != nullptr &&
         (plugin.save == nullptr) == (plugin.load == nullptr);
}

bool IsWhole(const PmoeEnvPluginV1& plugin) {
  return plugin.create != nullptr && plugin.destroy != nullptr && plugin.spec != nullptr &&
         plugin.reset != nullptr && plugin.step != nullptr && plugin.save != nullptr &&
         plugin.load != nullptr;
}

}  // namespace

PluginLibrary::PluginLibrary(const PmoeEnvPluginV1* old) : functions_(&kOldFunctions), old_(old) {}

absl::StatusOr<PluginLibrary> PluginLibrary::Load(const std::string& path) {
  // A bare name would be searched for in the system's folders.
  const std::string file = absl::StrContains(path, '/') ? path : "./" + path;
  void* const library = ::dlopen(file.c_str(), kFlags);
  if (library == nullptr) {
    return absl::NotFoundError(absl::StrCat("cannot load the plugin ", path, ": ", ::dlerror()));
  }
  const auto entry = reinterpret_cast<const void* (*)()>(::dlsym(library, "pmoe_env_plugin"));
  const void* const plugin = entry == nullptr ? nullptr : entry();
  if (plugin == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, " is no environment plugin: it has no pmoe_env_plugin(); see docs/add_an_env.md"));
  }
  const uint32_t version = *static_cast<const uint32_t*>(plugin);
  if (version != PMOE_ENV_ABI_VERSION && version != kOldVersion) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, " was built for version ", version, " of the plugin interface, this is version ",
        PMOE_ENV_ABI_VERSION, "; build it again with this actor/env/pmoe_env.h"));
  }
  const auto* const newest = static_cast<const PmoeEnvPlugin*>(plugin);
  const auto* const old = static_cast<const PmoeEnvPluginV1*>(plugin);
  if (version == kOldVersion ? !IsWhole(*old) : !IsWhole(*newest)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " leaves a function of the plugin out"));
  }
  return version == kOldVersion ? PluginLibrary(old) : PluginLibrary(newest);
}

void* PluginLibrary::Create(const PmoeEnvArgs& args, PmoeError* error) const {
  if (old_ == nullptr) return functions_->create(&args, error);
  void* const env = old_->create(args.names, args.values, args.n, error->text, error->size);
  return env == nullptr ? nullptr : new OldEnv{old_, env};
}

}  // namespace pmoe
