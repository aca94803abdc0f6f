// From the policy's action to the controls of a task file's actuators: bounds, centre and scale,
// the latency until an action takes effect, and the errors of a real actuator. Thread-compatible.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "actor/env/env.h"
#include "actor/env/mjcf/episode_memory.h"
#include "actor/env/mjcf/place.h"
#include "actor/env/pcg64.h"
#include "mujoco/mujoco.h"
#include "proto/task.pb.h"

namespace pmoe {

class ControlMap {
 public:
  // Fills the action's size and bounds of *spec. `start` holds the start pose without noise; `key`:
  // the keyframe, -1: none. Borrows memory.
  static absl::StatusOr<ControlMap> Compile(const MjcfTaskConfig& task, const Place& place,
                                            const mjModel& model, const mjData& start, int key,
                                            int frame_skip, EpisodeMemory* memory, EnvSpec* spec);

  // The last step's action and the one before it, [A] each; zeros before the first. The first call
  // makes them: only tasks that read them keep them.
  absl::Span<double> LastAction();
  absl::Span<double> ActionBefore();
  // Sum of squared differences of the two; 0 at an episode's first step.
  double ActionRate() const;

  // data->ctrl: the start's controls, in force until the first action takes effect.
  void Start(Pcg64* generator, const mjData& data);
  // A new action. After it, WriteControls says what is in force in simulator step 0, 1, … of it.
  void Take(absl::Span<const double> action, Pcg64* generator);
  void WriteControls(int simulator_step, mjData* data) const;

 private:
  // control = clip(centre + scale * action + bias + noise, low, high); without `maps` centre is 0
  // and scale 1.
  struct Actuator {
    bool maps = false;
    bool cuts = false;  // to low and high
    double centre = 0.0;
    double scale = 1.0;
    double low = 0.0;
    double high = 0.0;
    double noise = 0.0;
    std::optional<Interval> bias;
  };
  class Compiler;

  void Remember();
  absl::Span<double> Pending(int age) const;

  std::vector<Actuator> actuators_;  // [A]
  EpisodeMemory* memory_ = nullptr;
  int frame_skip_ = 1;
  Interval latency_;
  absl::Span<double> last_;           // [A]; empty: nobody reads it
  absl::Span<double> before_;         // [A]
  absl::Span<double> count_;          // of actions in this episode, up to 2
  absl::Span<double> bias_;           // [A], drawn; empty: no actuator has one
  absl::Span<double> latency_steps_;  // one number; empty: no latency
  absl::Span<double> pending_;  // [newest, one before, …][A] controls; without latency only one
  std::vector<double> newest_;  // [A] its place then
};

}  // namespace pmoe
