// One simulated task, Gymnasium's semantics: Reset draws from the task's own NumPy-compatible
// generator, Step never clips, time-limit truncation is part of the task, and nothing resets by
// itself. All numbers are float64. Thread-compatible: one thread at a time per Env.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/base/bytes.h"

namespace pmoe {

// What a learner must know of a task. Two actors of one run must have equal specs.
struct EnvSpec {
  std::string id;                           // "HalfCheetah-v5"
  std::map<std::string, std::string> args;  // constructor parameters under Gymnasium's names
  int obs_dim = 0;
  int action_dim = 0;
  std::vector<double> action_low;   // [A]
  std::vector<double> action_high;  // [A]
  int max_episode_steps = 0;        // 0: no limit

  bool operator==(const EnvSpec&) const = default;
};

struct StepResult {
  double reward = 0.0;
  bool terminated = false;
  bool truncated = false;  // independent of terminated: both can be true
  // The simulation broke down in this step: what is observed is no successor of the state before.
  bool diverged = false;

  bool done() const { return terminated || truncated; }
};

// Whether no policy can go on from here: the simulation broke down, or a number is beyond float32.
inline bool BrokeDown(const StepResult& result, absl::Span<const double> obs) {
  const auto bad = [](double x) { return !std::isfinite(static_cast<float>(x)); };
  return result.diverged || bad(result.reward) || std::any_of(obs.begin(), obs.end(), bad);
}

// Borrowed from the Env, until its next call.
struct EnvImage {
  int width = 0;
  int height = 0;
  absl::Span<const uint8_t> rgb;  // [height, width, 3], from the top
};

class Env {
 public:
  virtual ~Env() = default;

  virtual const EnvSpec& spec() const = 0;
  // With a seed: a fresh generator PCG64(SeedSequence(seed)). Without: goes on with the current
  // one. obs: [O] out.
  virtual void Reset(std::optional<uint64_t> seed, absl::Span<double> obs) = 0;
  // action: [A]; obs: [O] out. CHECK-fails before the first Reset.
  virtual StepResult Step(absl::Span<const double> action, absl::Span<double> obs) = 0;

  // For whoever takes a policy elsewhere: simulated seconds per Step, 0 where there is no such
  // time; and what each number of an observation is, [O], empty where the task does not say.
  virtual double step_s() const { return 0.0; }
  virtual std::vector<std::string> ObservationNames() const { return {}; }

  virtual std::vector<std::string> ActionNames() const { return {}; }  // [A] or empty

  // Why the last Reset or Step failed; OK where nothing can. After an error the step counts as one
  // in which the simulation broke down, its observation is no number, and a Reset comes next.
  virtual absl::Status error() const { return absl::OkStatus(); }
  // The action of the next Step, ahead of it, so that it may begin beside those of other Envs.
  virtual void BeginStep(absl::Span<const double> /*action*/) {}
  // What the last Step had to say beside its reward, by name: "success" is 1 or 0. Finite numbers.
  virtual std::map<std::string, double> Info() const { return {}; }
  // What the numbers depend on beside spec(), by name: versions of libraries, digests of sources.
  virtual std::map<std::string, std::string> Facts() const { return {}; }
  // What it looks like now; UnimplementedError where it has no picture of its own.
  virtual absl::StatusOr<EnvImage> Render() const {
    return absl::UnimplementedError(spec().id + " has no picture");
  }

  // Everything that the bits of the next Step and Reset depend on, unless can_save() is false.
  // LoadState wants a state saved by an Env of the same spec and leaves the Env as it was on error.
  virtual bool can_save() const { return true; }
  virtual void SaveState(ByteWriter* out) const = 0;
  virtual absl::Status LoadState(ByteReader* in) = 0;
};

}  // namespace pmoe
