#include "actor/episode_start.h"

#include "absl/strings/str_cat.h"

namespace pmoe {

absl::StatusOr<uint32_t> StartEpisode(Env* env, Rng* seeds, absl::Span<double> obs,
                                      const std::function<void(const absl::Status& why)>& failed) {
  constexpr int kTries = 100;
  constexpr int kErrors = 10;  // each may start a process
  int errors = 0;
  for (int i = 0; i < kTries; ++i) {
    const uint32_t seed = seeds->NextU32();
    env->Reset(seed, obs);
    if (const absl::Status error = env->error(); !error.ok()) {
      if (!failed) return error;
      failed(error);
      if (++errors == kErrors) return error;
      continue;
    }
    if (!BrokeDown(StepResult{}, obs)) return seed;
  }
  return absl::FailedPreconditionError(absl::StrCat(
      env->spec().id, ": ", kTries,
      " resets in a row gave an observation that is infinite or no number; look at the start pose, "
      "at reset_noise_scale and at the scales of the observation"));
}

}  // namespace pmoe
