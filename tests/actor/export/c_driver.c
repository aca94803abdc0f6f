/* Reads rows of an observation and an option (floats) from stdin; writes each row's action,
 * primitive, acting mean and std, and router weights. The oracle of editions_test.cc. */
#include "policy.h"

#include <stdio.h>

int main(void) {
  float in[POLICY_OBSERVATIONS + 1], primitive;
  policy_state state;
  policy_output out;
  while (fread(in, sizeof(float), POLICY_OBSERVATIONS + 1, stdin) == POLICY_OBSERVATIONS + 1) {
    policy_start(&state);
    if (in[POLICY_OBSERVATIONS] >= 0) state.primitive = (int)in[POLICY_OBSERVATIONS];
    if (policy_step(&state, in, &out) != 0) return 3;
    primitive = (float)out.primitive;
    fwrite(out.action, sizeof(float), POLICY_ACTIONS, stdout);
    fwrite(&primitive, sizeof(float), 1, stdout);
    fwrite(out.mean, sizeof(float), POLICY_ACTIONS, stdout);
    fwrite(out.std, sizeof(float), POLICY_ACTIONS, stdout);
    fwrite(out.router, sizeof(float), POLICY_PRIMITIVES, stdout);
  }
  return 0;
}
