/* A plugin with a MuJoCo of its own: its only observation is that one's version. */
#include <stdlib.h>

#include "actor/env/pmoe_env.h"

int mj_version(void);

static void* Create(const PmoeEnvArgs* args, PmoeError* error) {
  (void)args;
  (void)error;
  return malloc(1);
}

static void Spec(const void* env, PmoeEnvSpec* spec) {
  static const double low[] = {-1}, high[] = {1};
  (void)env;
  spec->obs_dim = spec->action_dim = 1;
  spec->action_low = low;
  spec->action_high = high;
}

static int32_t Reset(void* env, int32_t has_seed, uint64_t seed, double* obs, PmoeError* error) {
  (void)env, (void)has_seed, (void)seed, (void)error;
  obs[0] = mj_version();
  return 1;
}

static int32_t Step(void* env, const double* action, double* obs, PmoeStep* result,
                    PmoeError* error) {
  result->reward = action[0];
  return Reset(env, 0, 0, obs, error);
}

const PmoeEnvPlugin* pmoe_env_plugin(void) {
  static const PmoeEnvPlugin plugin = {.abi_version = PMOE_ENV_ABI_VERSION,
                                       .create = Create,
                                       .destroy = free,
                                       .spec = Spec,
                                       .reset = Reset,
                                       .step = Step};
  return &plugin;
}
