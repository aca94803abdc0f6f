// The C interface of an environment plugin: `--env plugin:PATH.so`. A plugin is a shared library
// that exports pmoe_env_plugin(); it needs this header and nothing else of the project, and may be
// written in any language that can export C functions. docs/add_an_env.md walks through one.
//
// Each environment is used by one thread at a time, several at once in one process: no globals that
// change. No function may throw or exit. The same seed and actions must give the same numbers.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Grows with every change of the structs below; a plugin of another version is refused. */
#define PMOE_ENV_ABI_VERSION 1

typedef struct {
  int32_t obs_dim;
  int32_t action_dim;
  const double* action_low; /* [action_dim], owned by the environment, below action_high */
  const double* action_high;
  int32_t max_episode_steps; /* 0: no limit; beyond it the host truncates */
} PmoeEnvSpec;

typedef struct {
  double reward;
  int32_t terminated; /* 0 or 1 */
  int32_t truncated;
} PmoeStep;

typedef struct {
  uint32_t abi_version; /* PMOE_ENV_ABI_VERSION; stays the first field for ever */

  /* names[i]=values[i], i < n: the --env-arg parameters. NULL on an error, which is then told in
   * error[0 … error_size-1]; a parameter that is not known is an error. */
  void* (*create)(const char* const* names, const char* const* values, int32_t n, char* error,
                  size_t error_size);
  void (*destroy)(void* env);
  void (*spec)(const void* env, PmoeEnvSpec* spec);
  /* With has_seed a fresh random stream from `seed`, else the current one goes on. obs: [obs_dim]
   * out. */
  void (*reset)(void* env, int32_t has_seed, uint64_t seed, double* obs);
  /* action: [action_dim]. Never resets by itself. */
  void (*step)(void* env, const double* action, double* obs, PmoeStep* result);
  /* Everything that the next step and reset depend on. Returns how many bytes that is; writes them
   * if `size` suffices. */
  size_t (*save)(const void* env, void* bytes, size_t size);
  /* 1: taken over; 0: these bytes are none of `save` with the same parameters. */
  int32_t (*load)(void* env, const void* bytes, size_t size);
} PmoeEnvPlugin;

/* What the library exports. */
const PmoeEnvPlugin* pmoe_env_plugin(void);

#ifdef __cplusplus
}
#endif
