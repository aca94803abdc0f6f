#include "actor/export/c_template.h"

namespace pmoe {

// Sums go as in actor/dense_kernel_loops.h: over the inputs in order, then the bias.
const char kCFunctions[] = R"C(
/* Which primitive acted last; name_start before an episode's first step. Only option policies
 * (head "option") look at it. */
typedef struct {
  int primitive;
} name_state;

typedef struct {
  float action[NAME_ACTIONS]; /* in the environment's units, within its bounds */
  int primitive;              /* that acts; 0 where all primitives make one Gaussian */
  float mean[NAME_ACTIONS];   /* of the Gaussian that acts, before the action map */
  float std[NAME_ACTIONS];
  float router[NAME_PRIMITIVES]; /* weights of the primitives */
  float primitive_mean[NAME_PRIMITIVES][NAME_ACTIONS];
  float primitive_std[NAME_PRIMITIVES][NAME_ACTIONS];
} name_output;

static inline uint32_t name_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

/* By its bits, so that -ffast-math does not take it away. */
static inline int name_is_finite(float x) {
  return (name_bits(x) & 0x7f800000u) != 0x7f800000u;
}

static inline float name_clamp(float x, float low, float high) {
  return x < low ? low : x > high ? high : x;
}

/* y = x w + b; with several blocks each maps its own part of x to its own part of y. */
static inline void name_dense(const float *x, int inputs, int outputs, int blocks, const float *w,
                              const float *b, float *y) {
  const int block_in = inputs / blocks, block_out = outputs / blocks;
  int block, i, j;
  for (j = 0; j < outputs; ++j) y[j] = 0.0f;
  for (block = 0; block < blocks; ++block) {
    const float *const from = x + block * block_in;
    float *const to = y + block * block_out;
    const float *row = w + block * block_out;
    for (i = 0; i < block_in; ++i, row += outputs) {
      const float factor = from[i];
      for (j = 0; j < block_out; ++j) to[j] += factor * row[j];
    }
  }
  for (j = 0; j < outputs; ++j) y[j] += b[j];
}

static inline void name_relu(float *y, int n) {
  int i;
  for (i = 0; i < n; ++i) y[i] = y[i] < 0.0f ? 0.0f : y[i];
}

static inline void name_tanh(float *y, int n) {
  int i;
  for (i = 0; i < n; ++i) y[i] = tanhf(y[i]);
}

static inline void name_sigmoid(float *y, int n) {
  int i;
  for (i = 0; i < n; ++i) y[i] = 1.0f / (1.0f + expf(-y[i]));
}

static inline void name_log_softplus(float *y, int n) {
  int i;
  for (i = 0; i < n; ++i) y[i] = logf(y[i] > 20.0f ? y[i] : log1pf(expf(y[i])));
}

static inline void name_softmax(const float *logits, float *weights, int n) {
  float shift = logits[0], sum = 0.0f;
  int i;
  for (i = 1; i < n; ++i) shift = logits[i] > shift ? logits[i] : shift;
  for (i = 0; i < n; ++i) weights[i] = expf(logits[i] - shift);
  for (i = 0; i < n; ++i) sum += weights[i];
  for (i = 0; i < n; ++i) weights[i] /= sum;
}
)C";

const char kCCalls[] = R"C(
/* The environment's action of the Gaussian's number u. */
static inline float name_map(float u, int j) {
#if NAME_ACTION_MAP == NAME_CLIP
  const float scaled = u;
#elif NAME_ACTION_MAP == NAME_RESCALE_CLIP
  const float scaled = name_clamp(u, -1.0f, 1.0f) * name_half[j] + name_center[j];
#else
  const float scaled = tanhf(u) * name_half[j] + name_center[j];
#endif
  return name_clamp(scaled, name_action_low[j], name_action_high[j]);
}

/* Before an episode's first step. */
static inline void name_start(name_state *state) { state->primitive = NAME_NO_OPTION; }

/* One step. 0; or -1 where a number of obs is NaN or infinite (or the state's primitive out of
 * range): every action is NaN then, the rest of *out is unset, and *state stays as it was.
 * obs: [NAME_OBSERVATIONS] */
static inline int name_step(name_state *state, const float *obs, name_output *out) {
  const uint32_t nan_bits = 0x7fc00000u;
  int i, bad = state->primitive < NAME_NO_OPTION || state->primitive >= NAME_PRIMITIVES;
  for (i = 0; i < NAME_OBSERVATIONS; ++i) bad |= !name_is_finite(obs[i]);
  if (bad) {
    for (i = 0; i < NAME_ACTIONS; ++i) memcpy(&out->action[i], &nan_bits, sizeof nan_bits);
    return -1;
  }
  name_forward(obs, state->primitive, out);
  for (i = 0; i < NAME_ACTIONS; ++i) out->action[i] = name_map(out->mean[i], i);
  state->primitive = out->primitive;
  return 0;
}

/* The action alone, [NAME_ACTIONS], as at an episode's start. */
static inline void name_act(const float *obs, float *action) {
  name_state state;
  name_output out;
  name_start(&state);
  (void)name_step(&state, obs, &out);
  memcpy(action, out.action, sizeof out.action);
}
)C";

const char kCSelftest[] = R"C(
static inline uint32_t name_crc(const float *values, long count, uint32_t crc) {
  long i;
  int bit;
  crc = ~crc;
  for (i = 0; i < count; ++i) {
    uint32_t bits = name_bits(values[i]);
    int byte;
    for (byte = 0; byte < 4; ++byte, bits >>= 8) {
      crc ^= bits & 0xffu;
      for (bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1u) != 0 ? 0xedb88320u : 0u);
    }
  }
  return ~crc;
}

/* 0: acts as it did here. 1: a constant is damaged. 2: an action differs by more than
 * 1e-5 of half its range. 3: another primitive acts. 4: NaN is not told. */
static inline int name_selftest(void) {
  const uint32_t nan_bits = 0x7fc00000u;
  float obs[NAME_OBSERVATIONS];
  name_state state;
  name_output out;
  int step, j;
  if (name_constants_crc() != NAME_CONSTANTS_CRC32) return 1;
  name_start(&state);
  for (step = 0; step < NAME_GOLDEN_STEPS; ++step) {
#if !NAME_GOLDEN_OF_EPISODE
    name_start(&state);
#endif
    if (name_step(&state, name_golden_obs + (long)step * NAME_OBSERVATIONS, &out) != 0) return 4;
    if (out.primitive != name_golden_primitive[step]) return 3;
    for (j = 0; j < NAME_ACTIONS; ++j) {
      const float apart = out.action[j] - name_golden_action[(long)step * NAME_ACTIONS + j];
      if (!(fabsf(apart) <= 1e-5f * name_half[j])) return 2;
    }
  }
  memcpy(obs, name_golden_obs, sizeof obs);
  memcpy(&obs[NAME_OBSERVATIONS - 1], &nan_bits, sizeof nan_bits);
  if (name_step(&state, obs, &out) != -1 || name_is_finite(out.action[0])) return 4;
  return 0;
}
)C";

}  // namespace pmoe
