// A task that a file describes (proto/task.proto) over any MJCF model: no C++ needed. Gymnasium's
// six tasks written in it equal Gymnasium bit for bit. docs/add_an_env.md.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "actor/env/mujoco_env.h"
#include "proto/task.pb.h"

namespace pmoe {

// "mjcf:": what follows it in an id is the task file.
inline constexpr char kMjcfPrefix[] = "mjcf:";

class MjcfTask final : public MujocoEnv {
 public:
  // Parameters beside the file: xml_file, frame_skip, reset_noise_scale, max_episode_steps.
  // NotFoundError: no file. InvalidArgumentError: names the file, the line and the field.
  static absl::StatusOr<std::unique_ptr<Env>> Create(const EnvRequest& request);

 private:
  struct ObservedSlice {
    absl::Span<const double> values;
    Range clip;
    bool clipped;
  };
  // One node of the reward; see RewardTerm.
  struct Term {
    RewardTerm config;
    absl::Span<const double> values;  // of a rate or value
    size_t rate = 0;                  // its place in before_
    std::vector<Term> terms;          // of a sum
  };
  struct Condition {
    absl::Span<const double> values;
    HealthyCondition config;
  };
  // All that the file says, with its names found in the model.
  struct Program {
    std::vector<ObservedSlice> observation;
    std::vector<Term> reward;
    std::vector<Condition> healthy;
    bool terminate_when_unhealthy = true;
    size_t rates = 0;
    int obs_dim = 0;
  };
  class Compiler;

  MjcfTask(MujocoSetup setup, Program program);

  void BeginStep() override;
  void Observe(absl::Span<double> obs) const override;
  Outcome Evaluate(double velocity, absl::Span<const double> action) const override;

  bool IsHealthy() const;
  void MarkRates(const std::vector<Term>& terms);
  double Coordinate(const Term& term) const;
  double Reduce(const Value& value, absl::Span<const double> values) const;
  double TermValue(const Term& term, bool healthy) const;
  double Sum(const std::vector<Term>& terms, bool healthy) const;

  Program program_;
  double mass_;                          // kg, all bodies
  std::vector<double> before_;           // coordinates of the rates before the step
  mutable std::vector<double> clipped_;  // scratch of Reduce
};

}  // namespace pmoe
