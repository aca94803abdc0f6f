// The C interface of plugins over a class that holds a Gymnasium environment, wherever that runs:
// EmbeddedEnv and ProcessEnv have the methods that are called here.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "actor/env/gym/gym_spec.h"
#include "actor/env/pmoe_env.h"

namespace pmoe {

// begin_step is left to those that step beside the caller.
template <typename GymEnv>
PmoeEnvPlugin GymPlugin() {
  static constexpr auto of = [](const void* env) -> GymEnv& {
    return *static_cast<GymEnv*>(const_cast<void*>(env));
  };
  return {
      .abi_version = PMOE_ENV_ABI_VERSION,
      .create = [](const PmoeEnvArgs* args, PmoeError* error) -> void* {
        absl::StatusOr<std::unique_ptr<GymEnv>> env = GymEnv::Make(GymRequest::Of(*args));
        if (env.ok()) return env->release();
        TellWhy(env.status().message(), error);
        return nullptr;
      },
      .destroy = [](void* env) { delete &of(env); },
      .spec = [](const void* env, PmoeEnvSpec* spec) { *spec = of(env).spec(); },
      .reset = [](void* env, int32_t has_seed, uint64_t seed, double* obs, PmoeError* error)
          -> int32_t { return of(env).Reset(has_seed != 0, seed, obs, error); },
      .step = [](void* env, const double* action, double* obs, PmoeStep* result,
                 PmoeError* error) -> int32_t { return of(env).Step(action, obs, result, error); },
      .begin_step = nullptr,
      .save = [](const void* env, void* bytes, size_t size) { return of(env).Save(bytes, size); },
      .load = [](void* env, const void* bytes, size_t size) -> int32_t {
        return of(env).Load(bytes, size);
      },
      .info = [](const void* env, void (*tell)(void*, const char*, double),
                 void* to) { TellLines(of(env).Info(), tell, to); },
      .render = [](void* env, PmoeImage* image, PmoeError* error) -> int32_t {
        return of(env).Render(image, error);
      },
  };
}

}  // namespace pmoe
