/* An environment whose step takes 10 ms and hardly any CPU time, as a simulator on another machine
 * or a robot would: so hundreds of actors fit two cores (bench cluster). HalfCheetah's sizes.
 * --env-arg step_ms=10 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actor/env/pmoe_env.h"

enum { kObs = 17, kAction = 6 };

typedef struct {
  uint64_t random;
  double obs[kObs];
} State;

typedef struct {
  double step_ms;
  State state;
} SleepEnv;

/* splitmix64: uniform in [-1, 1]. */
static double Draw(uint64_t* random) {
  uint64_t z = (*random += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (double)((z ^ (z >> 31)) >> 11) * 0x1p-52 - 1.0;
}

static void* Create(const PmoeEnvArgs* args, PmoeError* error) {
  double step_ms = 10.0;
  for (int32_t i = 0; i < args->n; ++i) {
    const char* const name = args->names[i];
    const char* const value = args->values[i];
    char* end = NULL;
    if (strcmp(name, "step_ms") == 0) step_ms = strtod(value, &end);
    if (end == NULL || *end != '\0' || end == value || !(step_ms >= 0.0)) {
      snprintf(error->text, error->size, "parameter %s=%s: only step_ms, a number >= 0, is known",
               name, value);
      return NULL;
    }
  }
  SleepEnv* env = calloc(1, sizeof(SleepEnv));
  if (env != NULL) env->step_ms = step_ms;
  return env;
}

static void Spec(const void* env, PmoeEnvSpec* spec) {
  static const double low[] = {-1, -1, -1, -1, -1, -1}, high[] = {1, 1, 1, 1, 1, 1};
  (void)env;
  spec->obs_dim = kObs;
  spec->action_dim = kAction;
  spec->action_low = low;
  spec->action_high = high;
  spec->max_episode_steps = 100;
}

static void Observe(State* s, double* obs) {
  for (int i = 0; i < kObs; ++i) s->obs[i] = Draw(&s->random);
  memcpy(obs, s->obs, sizeof(s->obs));
}

static int32_t Reset(void* env, int32_t has_seed, uint64_t seed, double* obs, PmoeError* error) {
  (void)error;
  State* s = &((SleepEnv*)env)->state;
  if (has_seed) s->random = seed;
  Observe(s, obs);
  return 1;
}

static int32_t Step(void* env, const double* action, double* obs, PmoeStep* result,
                    PmoeError* error) {
  (void)error;
  SleepEnv* self = env;
  const long ns = (long)(1e6 * self->step_ms);
  const struct timespec time = {ns / 1000000000, ns % 1000000000};
  // tidy: allowed because the time that a step takes is what this environment stands for
  nanosleep(&time, NULL);
  result->reward = action[0];
  result->terminated = 0;
  result->truncated = 0;
  Observe(&self->state, obs);
  return 1;
}

static size_t Save(const void* env, void* bytes, size_t size) {
  if (size >= sizeof(State)) memcpy(bytes, &((const SleepEnv*)env)->state, sizeof(State));
  return sizeof(State);
}

static int32_t Load(void* env, const void* bytes, size_t size) {
  if (size != sizeof(State)) return 0;
  memcpy(&((SleepEnv*)env)->state, bytes, size);
  return 1;
}

const PmoeEnvPlugin* pmoe_env_plugin(void) {
  static const PmoeEnvPlugin plugin = {.abi_version = PMOE_ENV_ABI_VERSION,
                                       .create = Create,
                                       .destroy = free,
                                       .spec = Spec,
                                       .reset = Reset,
                                       .step = Step,
                                       .save = Save,
                                       .load = Load};
  return &plugin;
}
