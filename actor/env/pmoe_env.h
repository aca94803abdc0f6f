// The C interface of an environment plugin: `--env plugin:PATH.so`. A plugin is a shared library
// that exports pmoe_env_plugin(); it needs this header and nothing else of the project, and may be
// written in any language that can export C functions. docs/add_an_env.md walks through one.
//
// Each environment is used by one thread at a time, several at once in one process: no globals that
// change. No function may throw or exit. The same seed and actions must give the same numbers.
//
// A plugin that was built with version 1 of this header is still loaded: what it knows is at the
// end of this file.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Grows with every change of the structs below. */
#define PMOE_ENV_ABI_VERSION 2

/* The --env-arg parameters. All is the host's, and valid during the call only. */
typedef struct {
  const char* const* names;  /* [n] */
  const char* const* values; /* [n] as they were typed */
  int32_t n;
  /* The same as one JSON object, for parameters with a structure: a value that is JSON by itself
   * (0.5, true, [1, 2], {"mass": 3}) is that here, every other one is a string. */
  const char* json;
  int32_t will_render; /* 1: render will be called */
} PmoeEnvArgs;

typedef struct {
  int32_t obs_dim;
  int32_t action_dim;
  const double* action_low; /* [action_dim], owned by the environment, below action_high */
  const double* action_high;
  int32_t max_episode_steps; /* 0: no limit; beyond it the host truncates */
  /* Since version 2; all of it may be left 0. */
  double step_s;                   /* simulated seconds of a step; 0: there is no such time */
  const char* const* obs_names;    /* [obs_dim] what each number is, or NULL */
  const char* const* action_names; /* [action_dim] */
  /* What the numbers depend on beside the parameters, such as the version of a simulator: runs
   * compare it when they go on. fact_names[i] is fact_values[i], i < n_facts. */
  const char* const* fact_names;
  const char* const* fact_values;
  int32_t n_facts;
} PmoeEnvSpec;

typedef struct {
  double reward;
  int32_t terminated; /* 0 or 1 */
  int32_t truncated;
} PmoeStep;

/* A picture; rgb is the environment's and stays until its next call. */
typedef struct {
  int32_t width;
  int32_t height;
  const uint8_t* rgb; /* [height, width, 3], from the top */
} PmoeImage;

/* Where a function says why it failed: at most `size` bytes with the closing 0. */
typedef struct {
  char* text;
  size_t size;
} PmoeError;

typedef struct {
  uint32_t abi_version; /* PMOE_ENV_ABI_VERSION; stays the first field for ever */

  /* NULL on an error; a parameter that is not known is an error. */
  void* (*create)(const PmoeEnvArgs* args, PmoeError* error);
  void (*destroy)(void* env);
  void (*spec)(const void* env, PmoeEnvSpec* spec);
  /* With has_seed a fresh random stream from `seed`, else the current one goes on. obs: [obs_dim]
   * out. 1: done. 0: it failed; the host ends the episode or the run, and resets before it steps
   * again. */
  int32_t (*reset)(void* env, int32_t has_seed, uint64_t seed, double* obs, PmoeError* error);
  /* action: [action_dim]. Never resets by itself. Fails as reset does. */
  int32_t (*step)(void* env, const double* action, double* obs, PmoeStep* result, PmoeError* error);

  /* From here on each may be NULL. */

  /* The action of the next step, ahead of it: the step may begin beside those of others. */
  void (*begin_step)(void* env, const double* action);
  /* Everything that the next step and reset depend on. Returns how many bytes that is; writes them
   * if `size` suffices. 0: it cannot be saved now. Without it a run that is resumed starts its
   * episodes anew, and says so. */
  size_t (*save)(const void* env, void* bytes, size_t size);
  /* 1: taken over; 0: these bytes are none of `save` with the same parameters. */
  int32_t (*load)(void* env, const void* bytes, size_t size);
  /* Calls tell(to, name, value) for what the last step has to say beside its reward; asked at an
   * episode's end. "success", 1 or 0, is known to metrics.csv and the dashboard; others are written
   * where observe.info names them. */
  void (*info)(const void* env, void (*tell)(void* to, const char* name, double value), void* to);
  /* What the environment looks like now; fails as reset does. */
  int32_t (*render)(void* env, PmoeImage* image, PmoeError* error);
} PmoeEnvPlugin;

/* What the library exports. */
const PmoeEnvPlugin* pmoe_env_plugin(void);

/* Version 1: of PmoeEnvSpec it fills what comes before step_s. */
typedef struct {
  uint32_t abi_version;
  void* (*create)(const char* const* names, const char* const* values, int32_t n, char* error,
                  size_t error_size);
  void (*destroy)(void* env);
  void (*spec)(const void* env, PmoeEnvSpec* spec);
  void (*reset)(void* env, int32_t has_seed, uint64_t seed, double* obs);
  void (*step)(void* env, const double* action, double* obs, PmoeStep* result);
  size_t (*save)(const void* env, void* bytes, size_t size);
  int32_t (*load)(void* env, const void* bytes, size_t size);
} PmoeEnvPluginV1;

#ifdef __cplusplus
}
#endif
