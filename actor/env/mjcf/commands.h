// What a task asks of the policy: commands drawn per episode (and again every so often), and phase
// clocks. Slices read both. Thread-compatible.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "actor/env/mjcf/episode_memory.h"
#include "actor/env/mjcf/place.h"
#include "actor/env/pcg64.h"
#include "mujoco/mujoco.h"
#include "proto/task.pb.h"

namespace pmoe {

class Commands {
 public:
  // Borrows model, data and memory.
  static absl::StatusOr<Commands> Compile(const MjcfTaskConfig& task, const Place& place,
                                          const mjModel& model, EpisodeMemory* memory);

  // The numbers of that name: a command's, or a clock's sine and cosine. InvalidArgumentError with
  // the near names.
  absl::StatusOr<absl::Span<double>> Command(const std::string& name) const;
  absl::StatusOr<absl::Span<double>> Clock(const std::string& name) const;

  // Draws every command, before mj_forward: mocap bodies are put where they say.
  void Start(Pcg64* generator, mjData* data) const;
  // step_s later: draws those that are due and turns the clocks, to data->time.
  void Advance(double step_s, Pcg64* generator, mjData* data) const;
  void TurnClocks(double time_s) const;

 private:
  struct DrawnCommand {
    pmoe::Command config;
    absl::Span<double> values;
    absl::Span<double> left_s;  // one number: until the next draw
    int mocap;                  // -1: none
  };
  struct TurningClock {
    PhaseClock config;
    absl::Span<double> values;  // sine, cosine
  };

  static void Draw(const DrawnCommand& command, Pcg64* generator, mjData* data);

  std::vector<DrawnCommand> commands_;
  std::vector<TurningClock> clocks_;
};

}  // namespace pmoe
