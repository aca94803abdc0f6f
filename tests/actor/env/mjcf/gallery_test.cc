// The six robots of deploy/configs/tasks: their simulation is Python's mujoco to the bit, and
// random actions do not break it down.
#include <gtest/gtest.h>

#include <string>

#include "tests/actor/env/mjcf/traced_task.h"
#include "tests/testing/paths.h"

namespace pmoe {
namespace {

class GalleryTest : public ::testing::TestWithParam<const char*> {};

TEST_P(GalleryTest, EqualsPythonsMujocoToTheBit) {
  const std::string task = SourceFile(std::string("deploy/configs/tasks/") + GetParam());
  ExpectEqualsPythonsMujoco({.file = task + ".textproto", .model = task + ".xml"});
}

TEST_P(GalleryTest, DoesNotBreakDownUnderRandomActions) {
  ExpectNoBreakDown(SourceFile(std::string("deploy/configs/tasks/") + GetParam() + ".textproto"),
                    "", 1000);
}

INSTANTIATE_TEST_SUITE_P(Robots, GalleryTest,
                         ::testing::Values("quadruped", "biped", "arm", "hand", "muscle_arm",
                                           "rover"));

}  // namespace
}  // namespace pmoe
