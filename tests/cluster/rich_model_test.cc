// Lockstep and resume on models of everything that MuJoCo steps, not of the Gymnasium tasks alone:
// meshes in every format, flexes in contact, tendons, muscles, filters, equalities, mocap bodies,
// height fields, delays, plugins.
#include <fstream>

#include "tests/actor/env/random_model.h"
#include "tests/cluster/cluster_testing.h"
#include "tests/testing/run_comparison.h"

namespace pmoe {
namespace {

constexpr char kTask[] = R"(
model: "./model.xml"
frame_skip: 2
max_episode_steps: 100
reset_noise { scale: 0.01 }
action { scale: 0.6 }
observation { slice { array: QPOS } clip { min: -10 max: 10 } }
observation { slice { array: QVEL } clip { min: -10 max: 10 } }
observation { slice { array: SENSORDATA } clip { min: -10 max: 10 } }
reward { alive: true }
)";

// Seeds of models that stay stable; what they hold was counted when they were chosen.
class RichModelTest : public ::testing::TestWithParam<uint64_t> {
 protected:
  void SetUp() override {
    WriteMeshes(dir_.path());
    std::ofstream(dir_.File("model.xml")) << RandomModel(GetParam());
    std::ofstream(dir_.File("task.textproto")) << kTask;
  }
  std::vector<std::string> Words(const std::string& command, const std::string& out) const {
    std::vector<std::string> words =
        SmallFlags("mjcf:" + dir_.File("task.textproto"),
                   {"--mode", "lockstep", "--steps", "1600", "--actors", "2", "--set",
                    "schedule.lag=1", "--out", dir_.File(out)});
    words.insert(words.begin(), {Binary("pmoe"), command});
    return words;
  }

  TempDir dir_;
};

TEST_P(RichModelTest, AClusterAndAStoppedRunGiveTheBitsOfOneProcess) {
  const ProcessResult whole = RunProcess(Words("train", "whole"));
  ASSERT_EQ(whole.exit_code, 0) << whole.output;
  const ProcessResult cluster = RunProcess(Words("up", "cluster"));
  ASSERT_EQ(cluster.exit_code, 0) << cluster.output;
  ExpectSameRun(dir_.File("whole"), dir_.File("cluster"), 1600);
  ChildProcess stopped(Words("train", "stopped"));
  ASSERT_TRUE(stopped.ReadUntil("  500/1,600"));
  stopped.Signal(SIGINT);
  ASSERT_EQ(stopped.Wait().exit_code, 0);
  const ProcessResult resumed =
      RunProcess({Binary("pmoe"), "train", "--resume", dir_.File("stopped")});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.output;
  ExpectSameRun(dir_.File("whole"), dir_.File("stopped"), 1600);
}

// 51: all but a height field, a flex in contact; 69: a height field.
INSTANTIATE_TEST_SUITE_P(Seeds, RichModelTest, ::testing::Values(51, 69));

}  // namespace
}  // namespace pmoe
