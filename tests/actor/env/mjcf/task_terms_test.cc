// What task files read and pay equals a line of NumPy each, on Python's mujoco.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/actor/env/mjcf/task_file.h"
#include "tests/actor/env/oracle.h"
#include "tests/actor/env/rollout.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

constexpr int kSteps = 150;

// Which slice each name of the oracle is; arrays of mjData are whole.
const std::map<std::string, std::string>& Slices() {
  static const auto* const slices =
      new std::map<std::string, std::string>{{"BODY_LINVEL", "name: \"torso\""},
                                             {"BODY_ANGVEL", "name: \"torso\""},
                                             {"PROJECTED_GRAVITY", "name: \"torso\""},
                                             {"GEOM_CONTACT", "name: \"left_foot\""},
                                             {"CLOCK", "name: \"gait\""}};
  return *slices;
}

// The reward of each name of the oracle.
const std::map<std::string, std::string>& Rewards() {
  static const auto* const rewards = new std::map<std::string, std::string>{
      {"track",
       "track { slice { array: BODY_LINVEL name: \"torso\" count: 2 } command: \"velocity\" }"},
      {"tilt", "tilt { body: \"torso\" }"},
      {"height", "height { body: \"torso\" target: 0.5 }"},
      {"joint_limits", "joint_limits { share: 0.5 }"},
      {"action_rate", "action_rate {}"},
      {"energy", "energy {}"},
      {"contact", "contact { geom: \"*_foot\" }"},
      {"distance", "distance { from { array: SITE_XPOS name: \"hand\" } to { array: MOCAP_POS } }"},
      {"success",
       "success { below: 0.5 distance { from { array: SITE_XPOS name: \"hand\" } to { array: "
       "MOCAP_POS } } }"},
      {"air_time", "air_time { geom: [\"left_foot\", \"right_foot\"] target_s: 0.05 }"}};
  return *rewards;
}

class TaskTermsTest : public ::testing::Test {
 protected:
  using Row = std::map<std::string, std::vector<double>>;  // of one step, by the term's name

  // Names the oracle's terms of each step.
  std::vector<Row> Oracle(const std::vector<double>& actions, double vx, double vy) {
    std::ofstream(dir_.File("actions"), std::ios::binary)
        .write(reinterpret_cast<const char*>(actions.data()),
               static_cast<std::streamsize>(actions.size() * sizeof(double)));
    const std::string text = RunOracle(
        "mjcf/task_terms_oracle.py",
        {TaskTermsModel(), "2", dir_.File("actions"), absl::StrCat(vx), absl::StrCat(vy)});
    std::vector<Row> rows;
    for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
      const std::vector<std::string> words = absl::StrSplit(line, ' ');
      if (rows.empty() || rows.back().contains(words[0])) rows.emplace_back();
      std::vector<double>& values = rows.back()[words[0]];
      for (size_t i = 1; i < words.size(); ++i) {
        values.push_back(std::strtod(words[i].c_str(), nullptr));
      }
    }
    return rows;
  }

  std::unique_ptr<Env> Make(const std::string& observed, const std::string& paid) {
    return MakeTask(&dir_,
                    absl::StrCat("keyframe: \"home\" frame_skip: 2 max_episode_steps: 0 ",
                                 "command { name: \"velocity\" range { min: 0.4 max: 0.4 } "
                                 "range { min: -0.1 max: -0.1 } } "
                                 "clock { name: \"gait\" period_s: 0.7 offset: 0.25 } ",
                                 "observation { slice { ", observed, " } } reward { ", paid, " }"));
  }

  static std::vector<double> Actions() {
    Pcg64 random(5);
    std::vector<double> actions(kSteps * 5);
    for (double& action : actions) action = random.Uniform(-0.6, 0.6);
    return actions;
  }

  TempDir dir_;
};

TEST_F(TaskTermsTest, EqualALineOfNumPyEach) {
  const std::vector<double> actions = Actions();
  const std::vector<Row> oracle = Oracle(actions, 0.4, -0.1);
  ASSERT_EQ(oracle.size(), kSteps);
  std::map<std::string, double> sums;
  for (const auto& [name, first] : oracle[0]) {
    SCOPED_TRACE(name);
    const bool paid = Rewards().contains(name);
    const auto named = Slices().find(name);
    const auto env =
        paid
            ? Make("array: QPOS", Rewards().at(name))
            : Make(absl::StrCat("array: ", name, " ", named == Slices().end() ? "" : named->second),
                   "constant: 0");
    std::vector<double> obs(env->spec().obs_dim);
    env->Reset(1, absl::MakeSpan(obs));
    for (int step = 0; step < kSteps; ++step) {
      const absl::Span<const double> action(actions.data() + 5 * step, 5);
      const StepResult result = env->Step(action, absl::MakeSpan(obs));
      const std::vector<double>& wanted = oracle[step].at(name);
      const std::vector<double> got = paid ? std::vector<double>{result.reward} : obs;
      ASSERT_EQ(got.size(), wanted.size());
      for (size_t i = 0; i < got.size(); ++i) {
        ASSERT_NEAR(got[i], wanted[i], 1e-12 * (1 + std::abs(wanted[i]))) << step << " " << i;
        sums[name] += std::abs(wanted[i]);
      }
    }
  }
  // Every term was at work.
  for (const auto& [name, sum] : sums) EXPECT_GT(sum, 0.0) << name;
  EXPECT_EQ(sums.size(), 31u);
}

}  // namespace
}  // namespace pmoe
