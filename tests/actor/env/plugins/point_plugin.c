/* An environment plugin in C: a point on a line is pushed to a goal. The example of
 * docs/add_an_env.md. PMOE_POINT_ABI stands in for a plugin of another version. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actor/env/pmoe_env.h"

#ifndef PMOE_POINT_ABI
#define PMOE_POINT_ABI PMOE_ENV_ABI_VERSION
#endif

static const double kStep_s = 0.05;

typedef struct {
  uint64_t random;
  double position;
  double velocity;
  double goal;
} State;

typedef struct {
  double push; /* metres per second^2 at full action */
  State state;
} Point;

/* splitmix64: uniform in [-1, 1]. */
static double Draw(uint64_t* random) {
  uint64_t z = (*random += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (double)((z ^ (z >> 31)) >> 11) * 0x1p-52 - 1.0;
}

static void Observe(const State* s, double* obs) {
  obs[0] = s->goal - s->position;
  obs[1] = s->velocity;
}

static void* Create(const PmoeEnvArgs* args, PmoeError* error) {
  double push = 1.0;
  for (int32_t i = 0; i < args->n; ++i) {
    const char* const name = args->names[i];
    const char* const value = args->values[i];
    char* end = NULL;
    if (strcmp(name, "push") == 0) push = strtod(value, &end);
    if (end == NULL || *end != '\0' || end == value || !(push > 0)) {
      snprintf(error->text, error->size, "parameter %s=%s: only push, a number > 0, is known", name,
               value);
      return NULL;
    }
  }
  Point* point = calloc(1, sizeof(Point));
  if (point != NULL) point->push = push;
  return point;
}

static void Spec(const void* env, PmoeEnvSpec* spec) {
  static const double low[] = {-1.0}, high[] = {1.0};
  static const char* const obs_names[] = {"goal - position", "velocity"};
  static const char* const action_names[] = {"push"};
  (void)env;
  spec->obs_dim = 2;
  spec->action_dim = 1;
  spec->action_low = low;
  spec->action_high = high;
  spec->max_episode_steps = 100;
  spec->step_s = kStep_s;
  spec->obs_names = obs_names;
  spec->action_names = action_names;
}

static int32_t Reset(void* env, int32_t has_seed, uint64_t seed, double* obs, PmoeError* error) {
  (void)error; /* it cannot fail */
  State* s = &((Point*)env)->state;
  if (has_seed) s->random = seed;
  s->position = Draw(&s->random);
  s->goal = Draw(&s->random);
  s->velocity = 0.0;
  Observe(s, obs);
  return 1;
}

static int32_t Step(void* env, const double* action, double* obs, PmoeStep* result,
                    PmoeError* error) {
  (void)error;
  Point* point = env;
  State* s = &point->state;
  s->velocity += point->push * fmax(-1.0, fmin(1.0, action[0])) * kStep_s;
  s->position += s->velocity * kStep_s;
  result->reward = -fabs(s->goal - s->position);
  result->terminated = fabs(s->position) > 3.0;
  result->truncated = 0;
  Observe(s, obs);
  return 1;
}

static size_t Save(const void* env, void* bytes, size_t size) {
  if (size >= sizeof(State)) memcpy(bytes, &((const Point*)env)->state, sizeof(State));
  return sizeof(State);
}

static int32_t Load(void* env, const void* bytes, size_t size) {
  if (size != sizeof(State)) return 0;
  memcpy(&((Point*)env)->state, bytes, size);
  return 1;
}

static void Info(const void* env, void (*tell)(void* to, const char* name, double value),
                 void* to) {
  const State* s = &((const Point*)env)->state;
  tell(to, "success", fabs(s->goal - s->position) < 0.05);
  tell(to, "distance", fabs(s->goal - s->position));
}

const PmoeEnvPlugin* pmoe_env_plugin(void) {
  static const PmoeEnvPlugin plugin = {.abi_version = PMOE_POINT_ABI,
                                       .create = Create,
                                       .destroy = free,
                                       .spec = Spec,
                                       .reset = Reset,
                                       .step = Step,
                                       .save = Save,
                                       .load = Load,
                                       .info = Info};
  return &plugin;
}
