// Gymnasium's tasks: each reads its arguments under the names of its Python module, which is its
// oracle. InvalidArgumentError: an argument that it does not have, or a model that does not fit.
#pragma once

#include <limits>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "actor/env/env.h"
#include "actor/env/env_args.h"

namespace pmoe {

absl::StatusOr<std::unique_ptr<Env>> MakeAnt(const EnvRequest& request);
absl::StatusOr<std::unique_ptr<Env>> MakeHalfCheetah(const EnvRequest& request);
absl::StatusOr<std::unique_ptr<Env>> MakeHopper(const EnvRequest& request);
absl::StatusOr<std::unique_ptr<Env>> MakeHumanoid(const EnvRequest& request);
absl::StatusOr<std::unique_ptr<Env>> MakeHumanoidStandup(const EnvRequest& request);
absl::StatusOr<std::unique_ptr<Env>> MakeInvertedDoublePendulum(const EnvRequest& request);
absl::StatusOr<std::unique_ptr<Env>> MakeInvertedPendulum(const EnvRequest& request);
absl::StatusOr<std::unique_ptr<Env>> MakePusher(const EnvRequest& request);
absl::StatusOr<std::unique_ptr<Env>> MakeReacher(const EnvRequest& request);
absl::StatusOr<std::unique_ptr<Env>> MakeSwimmer(const EnvRequest& request);
absl::StatusOr<std::unique_ptr<Env>> MakeWalker2d(const EnvRequest& request);

// Where episodes end, by default; qpos: [nq], qvel: [nv]. NaN is unhealthy.
inline constexpr Range kAntHealthyZ{0.2, 1.0};       // closed
inline constexpr Range kHumanoidHealthyZ{1.0, 2.0};  // open, as what follows
struct WalkerHealth {
  std::optional<Range> state;  // of all numbers but x and z; a walker of two legs has none
  Range z;
  Range angle;
};
inline constexpr WalkerHealth kHopperHealth{
    Range{-100.0, 100.0}, {0.7, std::numeric_limits<double>::infinity()}, {-0.2, 0.2}};
inline constexpr WalkerHealth kWalker2dHealth{std::nullopt, {0.8, 2.0}, {-1.0, 1.0}};

bool AntIsHealthy(const Range& healthy_z, absl::Span<const double> qpos,
                  absl::Span<const double> qvel);
// z: height of the torso in metres.
bool HumanoidIsHealthy(const Range& healthy_z, double z);
bool WalkerIsHealthy(const WalkerHealth& health, absl::Span<const double> qpos,
                     absl::Span<const double> qvel);
// Fallen: |pole angle| > 0.2 rad, or any value that is not finite.
bool InvertedPendulumHasFallen(absl::Span<const double> qpos, absl::Span<const double> qvel);

}  // namespace pmoe
