#include "actor/export/golden_trajectory.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "actor/policy_network.h"
#include "common/base/finite.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr uint64_t kSeedsMax = 100;
constexpr float kTie = 1e-4f;  // difference of two weights that other arithmetic might turn round

class Recorder {
 public:
  explicit Recorder(const PolicySpec& spec)
      : spec_(spec), network_(spec, 1), action_(spec.action_dim), scaled_(spec.action_dim) {}

  absl::Status Load(std::shared_ptr<const PolicySnapshot> snapshot) {
    return network_.Load(std::move(snapshot));
  }
  void Begin(bool of_episode, uint64_t seed) {
    golden_ = {};
    golden_.of_episode = of_episode;
    golden_.seed = seed;
    network_.StartEpisode(0);
  }
  void StartEpisode() { network_.StartEpisode(0); }

  // False, and nothing kept, where two primitives are as good as equal.
  bool Act(absl::Span<const float> obs) {
    int primitive = 0;
    network_.Act(obs, {.primitive = ActionChoice::kArgmax}, absl::MakeSpan(&rng_, 1),
                 absl::MakeSpan(action_), absl::MakeSpan(&primitive, 1));
    if (IsTie(primitive)) return false;
    ScaleAction(spec_, action_, absl::MakeSpan(scaled_));
    ++golden_.steps;
    golden_.observations.insert(golden_.observations.end(), obs.begin(), obs.end());
    golden_.actions.insert(golden_.actions.end(), scaled_.begin(), scaled_.end());
    golden_.primitives.push_back(primitive);
    return true;
  }
  absl::Span<const double> action() const { return scaled_; }
  GoldenTrajectory& golden() { return golden_; }

 private:
  // Weights that are equal to the bit are no tie: the first is taken everywhere.
  bool IsTie(int chosen) const {
    if (spec_.components() == 1) return false;
    const auto weights = network_.acting_weights().row(0);
    for (int k = 0; k < spec_.components(); ++k) {
      const float behind = weights(chosen) - weights(k);
      if (k != chosen && behind != 0.0f && behind < kTie) return true;
    }
    return false;
  }

  const PolicySpec& spec_;
  PolicyNetwork network_;
  Rng rng_;  // nothing is drawn
  std::vector<float> action_;
  std::vector<double> scaled_;
  GoldenTrajectory golden_;
};

void PlayEpisode(uint64_t seed, Env* env, Recorder* recorder) {
  std::vector<double> env_obs(env->spec().obs_dim);
  recorder->Begin(/*of_episode=*/true, seed);
  env->Reset(seed, absl::MakeSpan(env_obs));
  for (int step = 0; step < kGoldenStepsMax; ++step) {
    const std::vector<float> obs(env_obs.begin(), env_obs.end());
    if (!AllFinite(obs) || !recorder->Act(obs)) return;
    const StepResult result = env->Step(recorder->action(), absl::MakeSpan(env_obs));
    if (result.done() || BrokeDown(result, env_obs)) return;
  }
}

void DrawSteps(const PolicySnapshot& snapshot, uint64_t seed, Recorder* recorder) {
  Rng rng(seed, RngRole::kEvaluator, 0);
  std::vector<float> obs(snapshot.spec.obs_dim);
  recorder->Begin(/*of_episode=*/false, seed);
  for (int step = 0; step < kGoldenStepsMax; ++step) {
    recorder->StartEpisode();
    for (size_t i = 0; i < obs.size(); ++i) {
      obs[i] = rng.Normal();
      if (snapshot.spec.normalizes_obs) {
        obs[i] = snapshot.obs_mean[i] + snapshot.obs_std[i] * obs[i];
      }
    }
    if (!recorder->Act(obs)) return;
  }
}

absl::StatusOr<GoldenTrajectory> Record(std::shared_ptr<const PolicySnapshot> snapshot,
                                        const std::function<void(uint64_t, Recorder*)>& record) {
  Recorder recorder(snapshot->spec);
  PMOE_RETURN_IF_ERROR(recorder.Load(snapshot));
  for (uint64_t seed = 0; seed < kSeedsMax; ++seed) {
    record(seed, &recorder);
    if (recorder.golden().steps > 0) return std::move(recorder.golden());
  }
  return absl::InternalError(
      "this policy's router finds two primitives equally likely at the start of every episode, or "
      "what it observes there is not finite: no exported file could be checked");
}

}  // namespace

absl::StatusOr<GoldenTrajectory> PlayGoldenTrajectory(
    std::shared_ptr<const PolicySnapshot> snapshot, Env* env) {
  return Record(snapshot,
                [env](uint64_t seed, Recorder* recorder) { PlayEpisode(seed, env, recorder); });
}

absl::StatusOr<GoldenTrajectory> DrawGoldenTrajectory(
    std::shared_ptr<const PolicySnapshot> snapshot) {
  return Record(snapshot, [&snapshot](uint64_t seed, Recorder* recorder) {
    DrawSteps(*snapshot, seed, recorder);
  });
}

}  // namespace pmoe
