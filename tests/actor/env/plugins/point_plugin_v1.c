/* point_plugin.c as it was written for version 1 of the interface. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actor/env/pmoe_env.h"

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

static void* Create(const char* const* names, const char* const* values, int32_t n, char* error,
                    size_t error_size) {
  double push = 1.0;
  for (int32_t i = 0; i < n; ++i) {
    char* end = NULL;
    if (strcmp(names[i], "push") == 0) push = strtod(values[i], &end);
    if (end == NULL || *end != '\0' || end == values[i] || !(push > 0)) {
      snprintf(error, error_size, "parameter %s=%s: only push, a number > 0, is known", names[i],
               values[i]);
      return NULL;
    }
  }
  Point* point = calloc(1, sizeof(Point));
  if (point != NULL) point->push = push;
  return point;
}

static void Spec(const void* env, PmoeEnvSpec* spec) {
  static const double low[] = {-1.0}, high[] = {1.0};
  (void)env;
  spec->obs_dim = 2;
  spec->action_dim = 1;
  spec->action_low = low;
  spec->action_high = high;
  spec->max_episode_steps = 100;
}

static void Reset(void* env, int32_t has_seed, uint64_t seed, double* obs) {
  State* s = &((Point*)env)->state;
  if (has_seed) s->random = seed;
  s->position = Draw(&s->random);
  s->goal = Draw(&s->random);
  s->velocity = 0.0;
  Observe(s, obs);
}

static void Step(void* env, const double* action, double* obs, PmoeStep* result) {
  const double dt = 0.05;
  Point* point = env;
  State* s = &point->state;
  s->velocity += point->push * fmax(-1.0, fmin(1.0, action[0])) * dt;
  s->position += s->velocity * dt;
  result->reward = -fabs(s->goal - s->position);
  result->terminated = fabs(s->position) > 3.0;
  result->truncated = 0;
  Observe(s, obs);
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

static const PmoeEnvPluginV1* Plugin(void) {
  static const PmoeEnvPluginV1 plugin = {1, Create, free, Spec, Reset, Step, Save, Load};
  return &plugin;
}

/* Its header of then declared another type. */
const PmoeEnvPlugin* pmoe_env_plugin(void) { return (const PmoeEnvPlugin*)(const void*)Plugin(); }
