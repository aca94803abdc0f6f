// The paper's target-reaching task (App. B, Figs. 3, 5, 8): a point mass in a square arena drives
// to a target past round obstacles. Where the paper's text and its authors' code differ, `variant`
// chooses; docs/target_reaching.md has the table. Positions in arena units, velocities per second.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "actor/env/env.h"
#include "actor/env/env_args.h"
#include "actor/env/pcg64.h"

namespace pmoe {

using Point = std::array<double, 2>;

struct TargetReachingOptions {
  double speed_max = 1.0;  // per axis
  double accel_max = 1.0;  // per axis; the bounds of the action
  bool trapezoid = false;  // integrate with the mean velocity instead of the authors' extrapolation
  int obstacles = 3;
  double obstacle_std = 2.35;  // of their centres, per axis
  bool fixed_layout = false;   // the target and obstacles of Figs. 3 and 5
  bool reject_overlap = true;  // no obstacle on the start or on the target's centre
  bool paper_observation = false;
  double target_radius = 0.5;
  double target_reward = 100.0;
  double speed_reward = 0.1;  // times |v|, for every step that ends nothing
  double edge_penalty = 10.0;
  double obstacle_penalty = 10.0;
  int max_episode_steps = 1000;  // <= 0: no limit

  // `variant` first, then what is given beside it.
  void Read(EnvArgs* args);
  int obs_dim() const { return paper_observation ? 6 + 2 * obstacles : 8 + 3 * obstacles; }
};

class TargetReaching final : public Env {
 public:
  static constexpr double kArena = 5.0;  // half its side

  struct Obstacle {
    Point center;
    double radius;
  };

  static absl::StatusOr<std::unique_ptr<Env>> Create(const EnvRequest& request);

  const EnvSpec& spec() const override { return spec_; }
  void Reset(std::optional<uint64_t> seed, absl::Span<double> obs) override;
  // action: accelerations, clipped to their bounds.
  StepResult Step(absl::Span<const double> action, absl::Span<double> obs) override;
  void SaveState(ByteWriter* out) const override;
  absl::Status LoadState(ByteReader* in) override;
  double step_s() const override;
  std::vector<std::string> ObservationNames() const override;
  // success: 1 where the last Step reached the target.
  std::map<std::string, double> Info() const override;

  // For renderers.
  const TargetReachingOptions& options() const { return options_; }
  const Point& position() const { return position_; }
  const Point& target() const { return target_; }
  const std::vector<Obstacle>& obstacles() const { return obstacles_; }

 private:
  TargetReaching(const EnvRequest& request, const TargetReachingOptions& options);

  void PlaceAll();
  Obstacle DrawObstacle();
  bool Overlaps(const Obstacle& obstacle) const;
  void Move(absl::Span<const double> action);
  bool HitsObstacle() const;
  bool IsAtEdge() const;
  bool IsAtTarget() const;
  StepResult Judge() const;
  void Observe(absl::Span<double> obs) const;

  TargetReachingOptions options_;
  EnvSpec spec_;
  Pcg64 generator_{0};
  Point position_{};
  Point velocity_{};
  Point acceleration_{};
  Point target_{};
  std::vector<Obstacle> obstacles_;
  int64_t elapsed_steps_ = 0;
  bool was_reset_ = false;
};

}  // namespace pmoe
