// What a task file pays. Thread-compatible.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "actor/env/mjcf/episode_memory.h"
#include "actor/env/mjcf/place.h"
#include "actor/env/mjcf/selection.h"
#include "mujoco/mujoco.h"
#include "proto/task.pb.h"

namespace pmoe {

class Reward {
 public:
  // Borrows what `source` and `memory` point to.
  static absl::StatusOr<Reward> Compile(const MjcfTaskConfig& task, const Place& place,
                                        const SliceSource& source, EpisodeMemory* memory);

  void Start();
  // Before the simulation of a step: marks what `rate` terms measure.
  void BeginStep();
  // After it: counts the time that feet are in the air.
  void EndStep(double step_s);

  // The step's reward. step_s: simulated seconds of it.
  double Pay(bool healthy, double step_s) const;
  // Whether a success that ends the episode was reached.
  bool Ends() const;

 private:
  // One node; see RewardTerm.
  struct Term {
    RewardTerm config;
    Selection numbers;  // of a rate, value, track, distance, success, contact, air_time
    Selection others;   // of a distance: its other end; of energy: the velocities
    absl::Span<const double> target;  // of a track; of an air_time: its command
    std::vector<int> ids;             // joints, or one body
    size_t rate = 0;                  // its place in before_
    absl::Span<double> air;           // of an air_time: [feet] seconds in the air, then the payment
    std::vector<Term> terms;          // of a sum
  };
  class Compiler;

  void MarkRates(const std::vector<Term>& terms);
  void CountAirTime(const std::vector<Term>& terms, double step_s);
  static void ForgetAirTime(const std::vector<Term>& terms);
  bool AnyEnds(const std::vector<Term>& terms) const;

  double Coordinate(const Term& term) const;
  double Reduce(const Term& term) const;
  double JointExcess(const Term& term) const;
  double TermDistance(const Term& term) const;
  double BodyTerm(const Term& term) const;
  double TermValue(const Term& term, bool healthy, double step_s) const;
  double Sum(const std::vector<Term>& terms, bool healthy, double step_s) const;

  SliceSource source_{};
  double mass_ = 0.0;  // kg, all bodies
  std::vector<Term> terms_;
  std::vector<double> before_;  // coordinates of the rates before the step
  mutable std::vector<double> scratch_, other_scratch_, clipped_;
};

}  // namespace pmoe
