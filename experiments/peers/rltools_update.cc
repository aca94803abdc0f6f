// RLtools' update of SAC without an environment, as in `pmoe bench learner`; prints one JSON
// object. What its training loop does per step but for acting and drawing the batch: both critics,
// their targets, policy and temperature, on random rows of HalfCheetah's sizes, 256-256.
// setup_peers.sh compiles it, for a batch of PMOE_BATCH rows.
//   rltools_update [SECONDS]
#include <rl_tools/operations/cpu_mux.h>
#include <rl_tools/rl/environments/environments.h>
#include <rl_tools/rl/environments/operations_generic.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace rlt = rl_tools;

using Device = rlt::devices::DEVICE_FACTORY<>;
using Engine = Device::SPEC::RANDOM::ENGINE<>;
using Index = Device::index_t;
using Policy = rlt::numeric_types::Policy<float>;

namespace rl_tools {
// HalfCheetah's sizes; every step draws a normal observation and ends nothing.
struct Rows : rl::environments::Environment<float, Index> {
  using T = float;
  using TI = Index;
  struct Parameters {};
  struct State {
    static constexpr TI DIM = 17;
    T state[DIM];
  };
  struct Observation {
    static constexpr TI DIM = 17;
  };
  using ObservationPrivileged = Observation;
  static constexpr TI OBSERVATION_DIM = 17, ACTION_DIM = 6, EPISODE_STEP_LIMIT = 1000;
};

template <typename D>
void malloc(D&, const Rows&) {}
template <typename D>
void free(D&, const Rows&) {}
template <typename D>
void init(D&, const Rows&) {}
template <typename D>
void initial_parameters(D&, const Rows&, Rows::Parameters&) {}
template <typename D, typename RNG>
void sample_initial_parameters(D&, const Rows&, Rows::Parameters&, RNG&) {}
template <typename D, typename RNG>
void draw(D& device, Rows::State& state, RNG& rng) {
  for (float& x : state.state) {
    x = random::normal_distribution::sample(device.random, 0.0f, 1.0f, rng);
  }
}
template <typename D>
void initial_state(D&, const Rows&, const Rows::Parameters&, Rows::State& state) {
  for (float& x : state.state) x = 0.0f;
}
template <typename D, typename RNG>
void sample_initial_state(D& device, const Rows&, const Rows::Parameters&, Rows::State& state,
                          RNG& rng) {
  draw(device, state, rng);
}
template <typename D, typename ACTION, typename RNG>
float step(D& device, const Rows&, const Rows::Parameters&, const Rows::State&,
           const Matrix<ACTION>&, Rows::State& next, RNG& rng) {
  draw(device, next, rng);
  return 0.0f;
}
template <typename D, typename ACTION, typename RNG>
float reward(D&, const Rows&, const Rows::Parameters&, const Rows::State&, const Matrix<ACTION>&,
             const Rows::State& next, RNG&) {
  return next.state[0];
}
template <typename D, typename OBS, typename RNG>
void observe(D&, const Rows&, const Rows::Parameters&, const Rows::State& state,
             const Rows::Observation&, Matrix<OBS>& observation, RNG&) {
  for (Index i = 0; i < Rows::OBSERVATION_DIM; ++i) set(observation, 0, i, state.state[i]);
}
template <typename D, typename RNG>
bool terminated(D&, const Rows&, const Rows::Parameters&, const Rows::State&, RNG&) {
  return false;
}
}  // namespace rl_tools

using rl_tools::Rows;

// In this order: they find the environment, and each other, where they are defined.
// clang-format off
#include <rl_tools/nn/optimizers/adam/instance/operations_generic.h>
#include <rl_tools/nn/operations_cpu_mux.h>
#include <rl_tools/nn/layers/sample_and_squash/operations_generic.h>
#include <rl_tools/nn_models/mlp/operations_generic.h>
#include <rl_tools/nn_models/sequential/operations_generic.h>
#include <rl_tools/nn/optimizers/adam/operations_generic.h>
#include <rl_tools/rl/algorithms/sac/loop/core/config.h>
#include <rl_tools/rl/algorithms/sac/loop/core/operations_generic.h>
// clang-format on

struct LoopParameters
    : rlt::rl::algorithms::sac::loop::core::DefaultParameters<Policy, Index, Rows> {
  struct SAC_PARAMETERS
      : rlt::rl::algorithms::sac::DefaultParameters<Policy, Index, Rows::ACTION_DIM> {
    static constexpr Index ACTOR_BATCH_SIZE = PMOE_BATCH, CRITIC_BATCH_SIZE = PMOE_BATCH;
  };
  static constexpr Index STEP_LIMIT = 1'000'000, REPLAY_BUFFER_CAP = 5000;
  static constexpr Index N_WARMUP_STEPS = 1000;
  static constexpr Index N_WARMUP_STEPS_CRITIC = STEP_LIMIT, N_WARMUP_STEPS_ACTOR = STEP_LIMIT;
  static constexpr Index ACTOR_HIDDEN_DIM = 256, ACTOR_NUM_LAYERS = 3;
  static constexpr Index CRITIC_HIDDEN_DIM = 256, CRITIC_NUM_LAYERS = 3;
};
using Config =
    rlt::rl::algorithms::sac::loop::core::Config<Policy, Index, Engine, Rows, LoopParameters>;

static Device device;
static Config::State<Config> loop;

static void Update() {
  rlt::randn(device, loop.action_noise_critic, loop.rng);
  for (int i = 0; i < 2; ++i) {
    rlt::train_critic(device, loop.actor_critic, loop.actor_critic.critics[i], loop.critic_batch,
                      loop.actor_critic.critic_optimizers[i], loop.actor_target_buffers[i],
                      loop.critic_buffers[i], loop.critic_target_buffers[i],
                      loop.critic_training_buffers[i], loop.action_noise_critic, loop.rng);
  }
  rlt::update_critic_targets(device, loop.actor_critic);
  rlt::randn(device, loop.action_noise_actor, loop.rng);
  rlt::train_actor(device, loop.actor_critic, loop.critic_batch, loop.actor_critic.actor_optimizer,
                   loop.actor_buffers[0], loop.critic_buffers[0], loop.actor_training_buffers,
                   loop.action_noise_actor, loop.rng);
}

int main(int argc, char** argv) {
  setenv("MKL_NUM_THREADS", "1", /*overwrite=*/1);
  const double seconds = argc > 1 ? std::atof(argv[1]) : 2.0;
  rlt::init(device);
  rlt::malloc(device, loop);
  rlt::init(device, loop, 1);
  for (int i = 0; i < 2000; ++i) rlt::step(device, loop);
  rlt::gather_batch(device, loop.off_policy_runner, loop.critic_batch, loop.rng);
  for (int i = 0; i < 20; ++i) Update();
  // tidy: allowed because this program is no part of pmoe.
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const std::clock_t cpu_begin = std::clock();
  double wall_s = 0.0;
  long updates = 0;
  for (; wall_s < seconds; ++updates) {
    Update();
    wall_s = std::chrono::duration<double>(Clock::now() - begin).count();
  }
  const double cpu_s = static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC;
  std::printf("{\"updates\": %ld, \"wall_s\": %.6f, \"cpu_s\": %.6f}\n", updates, wall_s, cpu_s);
  return 0;
}
