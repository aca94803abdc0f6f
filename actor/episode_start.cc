#include "actor/episode_start.h"

#include "absl/strings/str_cat.h"

namespace pmoe {

absl::StatusOr<uint32_t> StartEpisode(Env* env, Rng* seeds, absl::Span<double> obs) {
  constexpr int kTries = 100;
  for (int i = 0; i < kTries; ++i) {
    const uint32_t seed = seeds->NextU32();
    env->Reset(seed, obs);
    if (!BrokeDown(StepResult{}, obs)) return seed;
  }
  return absl::FailedPreconditionError(absl::StrCat(
      env->spec().id, ": ", kTries,
      " resets in a row gave an observation that is infinite or no number; look at the start pose, "
      "at reset_noise_scale and at the scales of the observation"));
}

}  // namespace pmoe
