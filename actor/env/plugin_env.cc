#include "actor/env/plugin_env.h"

#include <dlfcn.h>

#include <array>
#include <cmath>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "actor/env/env_state.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr int kDimensionMax = 1 << 20;

absl::StatusOr<const PmoeEnvPlugin*> Load(const std::string& path) {
  // A bare name would be searched for in the system's folders.
  const std::string file = absl::StrContains(path, '/') ? path : "./" + path;
  void* const library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return absl::NotFoundError(absl::StrCat("cannot load the plugin ", path, ": ", ::dlerror()));
  }
  const auto entry =
      reinterpret_cast<const PmoeEnvPlugin* (*)()>(::dlsym(library, "pmoe_env_plugin"));
  const PmoeEnvPlugin* const plugin = entry == nullptr ? nullptr : entry();
  if (plugin == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, " is no environment plugin: it has no pmoe_env_plugin(); see docs/add_an_env.md"));
  }
  if (plugin->abi_version != PMOE_ENV_ABI_VERSION) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " was built for version ", plugin->abi_version,
                     " of the plugin interface, this is version ", PMOE_ENV_ABI_VERSION,
                     "; build it again with this actor/env/pmoe_env.h"));
  }
  if (plugin->create == nullptr || plugin->destroy == nullptr || plugin->spec == nullptr ||
      plugin->reset == nullptr || plugin->step == nullptr || plugin->save == nullptr ||
      plugin->load == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(path, " leaves a function of the plugin out"));
  }
  return plugin;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Env>> PluginEnv::Create(const EnvRequest& request) {
  const std::string path = request.id.substr(sizeof(kPluginPrefix) - 1);
  PMOE_ASSIGN_OR_RETURN(const PmoeEnvPlugin* const plugin, Load(path));
  std::vector<const char*> names, values;
  for (const auto& [name, value] : request.args) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  std::array<char, 512> error{};
  void* const env = plugin->create(names.data(), values.data(), static_cast<int32_t>(names.size()),
                                   error.data(), error.size());
  if (env == nullptr) {
    error.back() = '\0';
    return absl::InvalidArgumentError(absl::StrCat(
        request.id, ": ", error[0] == '\0' ? "the plugin refuses to start" : error.data()));
  }
  auto made = absl::WrapUnique(new PluginEnv(*plugin, env));
  PMOE_RETURN_IF_ERROR(made->ReadSpec(request));
  return made;
}

absl::Status PluginEnv::ReadSpec(const EnvRequest& request) {
  PmoeEnvSpec spec{};
  plugin_.spec(env_, &spec);
  const auto fail = [&](const auto&... what) {
    return absl::InvalidArgumentError(absl::StrCat(request.id, ": the plugin's spec ", what...));
  };
  if (spec.obs_dim < 1 || spec.obs_dim > kDimensionMax || spec.action_dim < 1 ||
      spec.action_dim > kDimensionMax || spec.max_episode_steps < 0) {
    return fail("has obs_dim ", spec.obs_dim, ", action_dim ", spec.action_dim,
                " and max_episode_steps ", spec.max_episode_steps);
  }
  if (spec.action_low == nullptr || spec.action_high == nullptr) return fail("has no bounds");
  for (int i = 0; i < spec.action_dim; ++i) {
    const double low = spec.action_low[i], high = spec.action_high[i];
    if (!(low < high) || !std::isfinite(high - low)) {
      return fail("bounds action ", i, " by ", low, " and ", high);
    }
  }
  spec_.id = request.id;
  spec_.args = request.args;
  spec_.obs_dim = spec.obs_dim;
  spec_.action_dim = spec.action_dim;
  spec_.action_low.assign(spec.action_low, spec.action_low + spec.action_dim);
  spec_.action_high.assign(spec.action_high, spec.action_high + spec.action_dim);
  spec_.max_episode_steps = spec.max_episode_steps;
  return absl::OkStatus();
}

void PluginEnv::Reset(std::optional<uint64_t> seed, absl::Span<double> obs) {
  PMOE_CHECK(obs.size() == static_cast<size_t>(spec_.obs_dim));
  plugin_.reset(env_, seed.has_value() ? 1 : 0, seed.value_or(0), obs.data());
  elapsed_steps_ = 0;
  was_reset_ = true;
}

StepResult PluginEnv::Step(absl::Span<const double> action, absl::Span<double> obs) {
  PMOE_CHECK(was_reset_ && action.size() == static_cast<size_t>(spec_.action_dim));
  PMOE_CHECK(obs.size() == static_cast<size_t>(spec_.obs_dim));
  PmoeStep step{};
  plugin_.step(env_, action.data(), obs.data(), &step);
  ++elapsed_steps_;
  const int limit = spec_.max_episode_steps;
  return {.reward = step.reward,
          .terminated = step.terminated != 0,
          .truncated = step.truncated != 0 || (limit > 0 && elapsed_steps_ >= limit)};
}

void PluginEnv::SaveState(ByteWriter* out) const {
  std::string bytes(plugin_.save(env_, nullptr, 0), '\0');
  PMOE_CHECK(plugin_.save(env_, bytes.data(), bytes.size()) == bytes.size());
  ByteWriter state;
  state.Pod(elapsed_steps_);
  state.String(bytes);
  WriteEnvState(EnvIdentity(spec_, ""), state.Take(), out);
}

absl::Status PluginEnv::LoadState(ByteReader* in) {
  const absl::StatusOr<std::string> whole = ReadEnvState(EnvIdentity(spec_, ""), in);
  if (!whole.ok()) return whole.status();
  ByteReader state(*whole);
  int64_t elapsed_steps = 0;
  std::string bytes;
  state.Pod(&elapsed_steps);
  state.String(&bytes);
  PMOE_RETURN_IF_ERROR(state.Finish("environment state"));
  if (elapsed_steps < 0 || elapsed_steps > kElapsedStepsMax) {
    return absl::DataLossError("environment state has an impossible step counter");
  }
  if (plugin_.load(env_, bytes.data(), bytes.size()) == 0) {
    return absl::DataLossError(spec_.id + " refuses its saved state");
  }
  elapsed_steps_ = elapsed_steps;
  was_reset_ = true;
  return absl::OkStatus();
}

}  // namespace pmoe
