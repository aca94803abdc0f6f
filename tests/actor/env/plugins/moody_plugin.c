/* A plugin that can do little and fails when it is told to: no save, no info, no render.
 * --env-arg fail_reset=1: odd seeds cannot be reset. --env-arg fail_step=N: the Nth step of an
 * episode fails. --env-arg shape={"size": [2, 3]}: 2 observations, 3 actions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actor/env/pmoe_env.h"

typedef struct {
  int fail_reset, fail_step, steps, obs_dim, action_dim;
} Moody;

static void* Create(const PmoeEnvArgs* args, PmoeError* error) {
  Moody* moody = calloc(1, sizeof(Moody));
  moody->obs_dim = moody->action_dim = 1;
  for (int32_t i = 0; i < args->n; ++i) {
    if (strcmp(args->names[i], "fail_reset") == 0) moody->fail_reset = atoi(args->values[i]);
    if (strcmp(args->names[i], "fail_step") == 0) moody->fail_step = atoi(args->values[i]);
  }
  const char* shape = strstr(args->json, "\"shape\":{\"size\":[");
  if (shape != NULL &&
      sscanf(strchr(shape, '['), "[%d,%d]", &moody->obs_dim, &moody->action_dim) != 2) {
    snprintf(error->text, error->size, "not two sizes: %s", args->json);
    free(moody);
    return NULL;
  }
  return moody;
}

static void Spec(const void* env, PmoeEnvSpec* spec) {
  static const double low[] = {-1, -1, -1, -1}, high[] = {1, 1, 1, 1};
  static const char* const fact_names[] = {"moody.version"};
  static const char* const fact_values[] = {"7"};
  spec->obs_dim = ((const Moody*)env)->obs_dim;
  spec->action_dim = ((const Moody*)env)->action_dim;
  spec->action_low = low;
  spec->action_high = high;
  spec->fact_names = fact_names;
  spec->fact_values = fact_values;
  spec->n_facts = 1;
}

static int32_t Reset(void* env, int32_t has_seed, uint64_t seed, double* obs, PmoeError* error) {
  Moody* moody = env;
  moody->steps = 0;
  if (moody->fail_reset && has_seed && seed % 2 == 1) {
    snprintf(error->text, error->size, "seed %llu is odd", (unsigned long long)seed);
    return 0;
  }
  memset(obs, 0, sizeof(double) * (size_t)moody->obs_dim);
  return 1;
}

static int32_t Step(void* env, const double* action, double* obs, PmoeStep* result,
                    PmoeError* error) {
  Moody* moody = env;
  if (++moody->steps == moody->fail_step) {
    snprintf(error->text, error->size, "step %d has had enough", moody->steps);
    return 0;
  }
  for (int i = 0; i < moody->obs_dim; ++i) obs[i] = moody->steps;
  result->reward = action[0];
  return 1;
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
