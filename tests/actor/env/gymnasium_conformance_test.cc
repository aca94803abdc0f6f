// Every task against Gymnasium itself: same seed and actions, every number equal to the last bit.
#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "actor/env/env_list.h"
#include "actor/env/registry.h"
#include "common/base/file.h"
#include "tests/actor/env/oracle.h"
#include "tests/testing/paths.h"

namespace pmoe {
namespace {

// Kinds of rows.
constexpr double kResetWithSeed = 0;
constexpr double kStep = 2;

struct Case {
  std::string name;
  std::string id;
  std::map<std::string, std::string> args;
  int steps;
  std::vector<uint64_t> seeds;
  int nan_at = -1;             // the step whose action is not a number
  std::string task_file = {};  // of deploy/configs/tasks: instead of our own task of that id

  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
};

// What gymnasium_trace.py writes.
struct Trace {
  size_t obs_dim = 0;
  size_t action_dim = 0;
  std::vector<double> rows;

  size_t row_size() const { return 1 + action_dim + obs_dim + 3; }
  std::span<const double> row(size_t i) const {
    return std::span(rows).subspan(i * row_size(), row_size());
  }
  size_t size() const { return rows.size() / row_size(); }
};

Trace RunGymnasium(const Case& c, uint64_t seed) {
  const std::string path =
      absl::StrCat(::testing::TempDir(), "/gymnasium_trace_", c.name, "_", seed, "_", getpid());
  std::string steps = absl::StrCat(c.steps);
  if (c.nan_at >= 0) absl::StrAppend(&steps, "@", c.nan_at);
  std::vector<std::string> args = {path, c.id, absl::StrCat(seed), steps};
  for (const auto& [name, value] : c.args) args.push_back(absl::StrCat(name, "=", value));
  RunOracle("gymnasium_trace.py", args);
  const absl::StatusOr<std::string> bytes = ReadFile(path);
  std::filesystem::remove(path);
  if (!bytes.ok() || bytes->size() < 3 * sizeof(double)) {
    ADD_FAILURE() << "no trace: " << bytes.status();
    return {};
  }
  std::vector<double> numbers(bytes->size() / sizeof(double));
  std::memcpy(numbers.data(), bytes->data(), numbers.size() * sizeof(double));
  return {.obs_dim = static_cast<size_t>(numbers[0]),
          .action_dim = static_cast<size_t>(numbers[1]),
          .rows = {numbers.begin() + 3, numbers.end()}};
}

// Does what the row says and returns what came out, in the row's order: obs, reward, terminated,
// truncated.
std::vector<double> Replay(Env* env, uint64_t seed, const Trace& trace, size_t i) {
  const std::span<const double> row = trace.row(i);
  std::vector<double> out(trace.obs_dim + 3);
  const absl::Span<double> obs(out.data(), trace.obs_dim);
  if (row[0] == kStep) {
    const StepResult result = env->Step({&row[1], trace.action_dim}, obs);
    out[trace.obs_dim] = result.reward;
    out[trace.obs_dim + 1] = result.terminated;
    out[trace.obs_dim + 2] = result.truncated;
  } else {
    env->Reset(row[0] == kResetWithSeed ? std::optional<uint64_t>(seed) : std::nullopt, obs);
  }
  return out;
}

std::string OurId(const Case& c) {
  if (c.task_file.empty()) return c.id;
  return absl::StrCat("mjcf:", SourceFile("deploy/configs/tasks/"), c.task_file);
}

class GymnasiumConformanceTest : public ::testing::TestWithParam<Case> {};

TEST_P(GymnasiumConformanceTest, EveryBitIsEqual) {
  const Case& c = GetParam();
  const auto env = MakeEnv(OurId(c), c.args, "");
  ASSERT_TRUE(env.ok()) << env.status();
  for (const uint64_t seed : c.seeds) {
    const Trace trace = RunGymnasium(c, seed);
    ASSERT_EQ(static_cast<int>(trace.obs_dim), (*env)->spec().obs_dim);
    ASSERT_EQ(static_cast<int>(trace.action_dim), (*env)->spec().action_dim);
    ASSERT_GT(trace.size(), static_cast<size_t>(c.steps));
    for (size_t i = 0; i < trace.size(); ++i) {
      const std::vector<double> got = Replay(env->get(), seed, trace, i);
      const std::span<const double> wanted = trace.row(i).subspan(1 + trace.action_dim);
      for (size_t j = 0; j < got.size(); ++j) {
        if (std::isnan(got[j]) && std::isnan(wanted[j])) continue;  // its sign means nothing
        ASSERT_EQ(std::bit_cast<uint64_t>(got[j]), std::bit_cast<uint64_t>(wanted[j]))
            << "seed " << seed << ", row " << i << ", number " << j << " of " << trace.obs_dim
            << " observed + reward, terminated, truncated: " << got[j] << " against " << wanted[j];
      }
    }
  }
}

std::vector<Case> CasesIn3D() {
  return {
      {"Ant", "Ant-v5", {}, 1200, {0, 1, 7}},
      {"AntToTheTimeLimit", "Ant-v5", {{"terminate_when_unhealthy", "False"}}, 1050, {2, 3}},
      {"AntWithArguments",
       "Ant-v5",
       {{"forward_reward_weight", "0.7"},
        {"contact_cost_weight", "1e-3"},
        {"contact_force_range", "(-0.5, 2.0)"},
        {"healthy_z_range", "(0.3, 0.9)"},
        {"healthy_reward", "0.3"},
        {"main_body", "3"},
        {"exclude_current_positions_from_observation", "False"}},
       600,
       {4}},
      {"AntWithABodyByName", "Ant-v5", {{"main_body", "front_left_leg"}}, 300, {4}},
      {"AntWithoutContactForces",
       "Ant-v5",
       {{"include_cfrc_ext_in_observation", "False"}, {"ctrl_cost_weight", "0.1"}},
       400,
       {5}},
      {"Humanoid", "Humanoid-v5", {}, 1200, {0, 1, 7}},
      {"HumanoidToTheTimeLimit",
       "Humanoid-v5",
       {{"terminate_when_unhealthy", "False"}},
       1050,
       {2, 3}},
      {"HumanoidWithArguments",
       "Humanoid-v5",
       {{"contact_cost_weight", "1e-4"},
        {"contact_cost_range", "(0.1, 2.0)"},
        {"healthy_z_range", "(0.8, 2.5)"},
        {"include_cvel_in_observation", "False"},
        {"include_qfrc_actuator_in_observation", "False"},
        {"exclude_current_positions_from_observation", "False"}},
       400,
       {4}},
      {"HumanoidStandup", "HumanoidStandup-v5", {}, 1100, {0, 1, 7}},
      {"HumanoidStandupWithArguments",
       "HumanoidStandup-v5",
       {{"uph_cost_weight", "3"},
        {"ctrl_cost_weight", "0.3"},
        {"impact_cost_weight", "1e-4"},
        {"impact_cost_range", "(0.1, 2.0)"},
        {"include_cinert_in_observation", "False"},
        {"include_cfrc_ext_in_observation", "False"},
        {"exclude_current_positions_from_observation", "False"}},
       400,
       {4}},
  };
}

std::vector<Case> PlanarCases() {
  return {
      {"HalfCheetah", "HalfCheetah-v5", {}, 2500, {0, 1, 7, (uint64_t{1} << 40) + 3}},
      {"HalfCheetahWithArguments",
       "HalfCheetah-v5",
       {{"frame_skip", "3"},
        {"forward_reward_weight", "0.7"},
        {"ctrl_cost_weight", "0.35"},
        {"reset_noise_scale", "0.02"},
        {"exclude_current_positions_from_observation", "False"},
        {"max_episode_steps", "150"}},
       400,
       {5}},
      {"Hopper", "Hopper-v5", {}, 2500, {0, 1, 7}},
      {"HopperToTheTimeLimit", "Hopper-v5", {{"terminate_when_unhealthy", "False"}}, 2100, {2, 3}},
      {"HopperWithArguments",
       "Hopper-v5",
       {{"healthy_z_range", "(0.5, 1.5)"},
        {"healthy_angle_range", "(-0.4, 0.3)"},
        {"healthy_state_range", "(-8, 8)"},
        {"healthy_reward", "0.3"},
        {"exclude_current_positions_from_observation", "False"},
        {"ctrl_cost_weight", "0.02"}},
       600,
       {4}},
      {"InvertedPendulum", "InvertedPendulum-v5", {}, 3000, {0, 1, 7}},
      {"InvertedPendulumWithArguments",
       "InvertedPendulum-v5",
       {{"reset_noise_scale", "0.15"}, {"frame_skip", "1"}},
       500,
       {4}},
      {"Swimmer", "Swimmer-v5", {}, 2100, {0, 1, 7}},
      {"SwimmerWithArguments",
       "Swimmer-v5",
       {{"forward_reward_weight", "0.7"},
        {"ctrl_cost_weight", "0.02"},
        {"reset_noise_scale", "0.3"},
        {"exclude_current_positions_from_observation", "False"}},
       400,
       {4}},
      {"Walker2d", "Walker2d-v5", {}, 2500, {0, 1, 7}},
      {"Walker2dToTheTimeLimit",
       "Walker2d-v5",
       {{"terminate_when_unhealthy", "False"}},
       2100,
       {2, 3}},
      {"Walker2dWithArguments",
       "Walker2d-v5",
       {{"healthy_z_range", "(0.5, 1.5)"},
        {"healthy_angle_range", "(-0.4, 0.3)"},
        {"healthy_reward", "0.3"},
        {"forward_reward_weight", "1.7"},
        {"exclude_current_positions_from_observation", "False"},
        {"ctrl_cost_weight", "0.02"}},
       600,
       {4}},
  };
}

std::vector<Case> ArmsAndDoublePendulum() {
  return {
      {"InvertedDoublePendulum", "InvertedDoublePendulum-v5", {}, 3000, {0, 1, 7}},
      {"InvertedDoublePendulumWithArguments",
       "InvertedDoublePendulum-v5",
       {{"healthy_reward", "3.5"}, {"reset_noise_scale", "0.02"}, {"frame_skip", "2"}},
       500,
       {4}},
      {"Pusher", "Pusher-v5", {}, 1000, {0, 1, 7}},
      {"PusherWithArguments",
       "Pusher-v5",
       {{"reward_near_weight", "0.7"},
        {"reward_dist_weight", "1.3"},
        {"reward_control_weight", "0.3"},
        {"frame_skip", "3"}},
       400,
       {4}},
      {"Reacher", "Reacher-v5", {}, 1000, {0, 1, 7}},
      {"ReacherWithArguments",
       "Reacher-v5",
       {{"reward_dist_weight", "0.7"},
        {"reward_control_weight", "0.3"},
        {"max_episode_steps", "20"}},
       400,
       {4}},
  };
}

// What follows an action that is not a number is Gymnasium's too.
std::vector<Case> NotANumber() {
  return {
      {"Ant", "Ant-v5", {}, 200, {0}, /*nan_at=*/20},
      {"HalfCheetah", "HalfCheetah-v5", {}, 200, {0}, /*nan_at=*/20},
      {"Hopper", "Hopper-v5", {}, 200, {0}, /*nan_at=*/20},
      {"Humanoid", "Humanoid-v5", {}, 200, {0}, /*nan_at=*/20},
      {"Reacher", "Reacher-v5", {}, 200, {0}, /*nan_at=*/20},
  };
}

std::vector<Case> CasesOfV4() {
  return {
      {"Ant", "Ant-v4", {}, 1200, {0, 1, 7}},
      {"AntWithContactForces",
       "Ant-v4",
       {{"use_contact_forces", "True"},
        {"contact_cost_weight", "1e-3"},
        {"contact_force_range", "(-0.5, 2.0)"}},
       600,
       {2}},
      {"AntWithArguments",
       "Ant-v4",
       {{"terminate_when_unhealthy", "False"},
        {"healthy_z_range", "(0.3, 0.9)"},
        {"ctrl_cost_weight", "0.1"},
        {"exclude_current_positions_from_observation", "False"}},
       1050,
       {4}},
      {"HalfCheetah", "HalfCheetah-v4", {}, 1100, {0, 1}},
      {"Hopper", "Hopper-v4", {}, 1500, {0, 1, 7}},
      {"HopperToTheTimeLimit", "Hopper-v4", {{"terminate_when_unhealthy", "False"}}, 1100, {2}},
      {"Humanoid", "Humanoid-v4", {}, 1200, {0, 1, 7}},
      {"HumanoidWithArguments",
       "Humanoid-v4",
       {{"forward_reward_weight", "0.7"},
        {"terminate_when_unhealthy", "False"},
        {"exclude_current_positions_from_observation", "False"}},
       1050,
       {4}},
      {"HumanoidStandup", "HumanoidStandup-v4", {}, 1100, {0, 1}},
      {"Walker2d", "Walker2d-v4", {}, 1500, {0, 1, 7}},
      {"Walker2dWithArguments",
       "Walker2d-v4",
       {{"healthy_reward", "0.3"}, {"healthy_z_range", "(0.5, 1.5)"}},
       500,
       {4}},
  };
}

// The task files against Gymnasium's own tasks.
std::vector<Case> TaskFiles() {
  std::vector<Case> cases = {
      {"Ant", "Ant-v5", {}, 1200, {0, 1}},
      {"HalfCheetah", "HalfCheetah-v5", {}, 1100, {0, 1}},
      {"Hopper", "Hopper-v5", {}, 1500, {0, 1}},
      {"Humanoid", "Humanoid-v5", {}, 1200, {0, 1}},
      {"HumanoidStandup", "HumanoidStandup-v5", {}, 1100, {0, 1}},
      {"Walker2d", "Walker2d-v5", {}, 1500, {0, 1}},
  };
  const std::map<std::string, std::string> files = {
      {"Ant", "ant"},           {"HalfCheetah", "half_cheetah"},
      {"Hopper", "hopper"},     {"HumanoidStandup", "humanoid_standup"},
      {"Humanoid", "humanoid"}, {"Walker2d", "walker2d"}};
  for (Case& c : cases) c.task_file = absl::StrCat(files.at(c.name), ".textproto");
  return cases;
}

// Every id under float32 actions, which Gymnasium's own action space samples; and arguments whose
// float32 differs from their float64.
std::vector<Case> Float32Actions() {
  std::vector<Case> cases;
  for (const EnvInfo& info : ListEnvs()) {
    const bool of_gymnasium = absl::EndsWith(info.id, "-v4") || absl::EndsWith(info.id, "-v5");
    if (!of_gymnasium) continue;
    cases.push_back({absl::StrReplaceAll(info.id, {{"-", ""}}), info.id, {}, 250, {5}});
  }
  cases.push_back({"AntWeighted", "Ant-v5", {{"ctrl_cost_weight", "0.3"}}, 250, {6}});
  cases.push_back({"ReacherWeighted", "Reacher-v5", {{"reward_control_weight", "0.3"}}, 250, {6}});
  for (Case& c : cases) c.args["action_dtype"] = "float32";
  return cases;
}

std::string NameOf(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(In3D, GymnasiumConformanceTest, ::testing::ValuesIn(CasesIn3D()), NameOf);
INSTANTIATE_TEST_SUITE_P(Planar, GymnasiumConformanceTest, ::testing::ValuesIn(PlanarCases()),
                         NameOf);

INSTANTIATE_TEST_SUITE_P(Arms, GymnasiumConformanceTest,
                         ::testing::ValuesIn(ArmsAndDoublePendulum()), NameOf);
INSTANTIATE_TEST_SUITE_P(Files, GymnasiumConformanceTest, ::testing::ValuesIn(TaskFiles()), NameOf);
INSTANTIATE_TEST_SUITE_P(NaN, GymnasiumConformanceTest, ::testing::ValuesIn(NotANumber()), NameOf);
INSTANTIATE_TEST_SUITE_P(V4, GymnasiumConformanceTest, ::testing::ValuesIn(CasesOfV4()), NameOf);
INSTANTIATE_TEST_SUITE_P(Float32, GymnasiumConformanceTest, ::testing::ValuesIn(Float32Actions()),
                         NameOf);

}  // namespace
}  // namespace pmoe
