// `pmoe play` as a user runs it, on a run directory made for it: files that other programs can
// read.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "common/base/package.h"
#include "tests/actor/run_testing.h"
#include "tests/testing/paths.h"
#include "tests/testing/run_process.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

// A run of random weights: what a training leaves for `play`.
class PlayTest : public ::testing::Test {
 protected:
  ProcessResult Play(std::vector<std::string> words) {
    words.insert(words.begin(), {Binary("pmoe"), "play", "--run", dir_.File("run")});
    return RunProcess(words);
  }
  // "h264,320,240,20/1,7"
  std::string Probe(const std::string& file) {
    return RunProcess({"ffprobe", "-v", "error", "-select_streams", "v", "-count_frames",
                       "-show_entries",
                       "stream=codec_name,width,height,r_frame_rate,nb_read_frames", "-of",
                       "csv=p=0", file})
        .output;
  }

  TempDir dir_;
};

TEST_F(PlayTest, WritesAVideoThatPlays) {
  MakeRandomRun(dir_.File("run"), "HalfCheetah-v5");
  const ProcessResult result =
      Play({"--video", dir_.File("x.mp4"), "--frames", "7", "--width", "320", "--height", "240"});
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(Probe(dir_.File("x.mp4")), "h264,320,240,20/1,7\n");
}

TEST_F(PlayTest, WritesASmallAnimationOfItsFirstSecondsToo) {
  MakeRandomRun(dir_.File("run"), "HalfCheetah-v5");
  const ProcessResult result = Play({"--video", dir_.File("x.mp4"), "--gif", dir_.File("x.gif"),
                                     "--frames", "210", "--width", "480", "--height", "360"});
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(Probe(dir_.File("x.mp4")), "h264,480,360,20/1,210\n");
  EXPECT_EQ(Probe(dir_.File("x.gif")), "gif,240,180,10/1,100\n");
}

TEST_F(PlayTest, WritesNumberedPicturesOfTheArena) {
  MakeRandomRun(dir_.File("run"), "TargetReaching-v0");
  const ProcessResult result = Play(
      {"--png", dir_.File("frames"), "--frames", "3", "--primitive", "1", "--action", "sample"});
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(Probe(dir_.File("frames/000003.png")).substr(0, 12), "png,640,480,");
  EXPECT_FALSE(std::filesystem::exists(dir_.File("frames/000004.png")));
}

TEST_F(PlayTest, MistakesAreNamed) {
  MakeRandomRun(dir_.File("run"), "HalfCheetah-v5");
  const auto fails = [this](const std::vector<std::string>& words, const std::string& part) {
    const ProcessResult result = Play(words);
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_NE(result.output.find(part), std::string::npos) << result.output;
  };
  fails({}, "--video FILE.mp4 or --png DIR");
  fails({"--video", dir_.File("x.avi")}, "ends in .mp4 (H.264) or .webm (VP9)");
  fails({"--png", dir_.File("f"), "--camera", "side"}, "no camera \"side\"; it has track");
  fails({"--video", dir_.File("x.mp4"), "--gif", dir_.File("x.png")}, "--gif FILE ends in .gif");
  fails({"--png", dir_.File("f"), "--width", "321"}, "must be even, got 321");
  fails({"--png", dir_.File("f"), "--primitive", "2"}, "an index from 0 to 1, got \"2\"");
}

// PyOpenGL's error there is no ImportError. A module of ours stands in for MuJoCo's.
TEST_F(PlayTest, WithoutALibraryThatDrawsThePackagesAreNamed) {
  std::ofstream(dir_.File("mujoco.py")) << "None.eglQueryString\n";
  const ProcessResult result = RunProcess(
      {"env", "PYTHONPATH=" + dir_.path(), WheelPython(), Binary("pmoe-draw.py"), "--probe"});
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_NE(result.output.find("nothing here can draw"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("apt-get install libegl1"), std::string::npos) << result.output;
}

TEST_F(PlayTest, AnotherPythonWithoutMujocoIsNamed) {
  MakeRandomRun(dir_.File("run"), "HalfCheetah-v5");
  const ProcessResult result =
      RunProcess({"env", "PMOE_PYTHON=/usr/bin/python3", Binary("pmoe"), "play", "--run",
                  dir_.File("run"), "--png", dir_.File("frames")});
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_NE(result.output.find("/usr/bin/python3 has no mujoco wheel"), std::string::npos)
      << result.output;
}

// Colours at known places: red obstacles and a green target on a light floor.
TEST_F(PlayTest, DrawsWhatIsThere) {
  MakeRandomRun(dir_.File("run"), "TargetReaching-v0");
  const ProcessResult result =
      Play({"--env-arg", "variant=fixed", "--allow-other-env", "--png", dir_.File("f"), "--frames",
            "1", "--width", "480", "--height", "480"});
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const std::string rgb = RunProcess({"ffmpeg", "-v", "error", "-i", dir_.File("f/000001.png"),
                                      "-f", "rawvideo", "-pix_fmt", "rgb24", "-"})
                              .output;
  ASSERT_EQ(rgb.size(), 3u * 480 * 480);
  // The camera, 13.2 above, sees 5.47 to each side; the highest row comes first.
  const auto pixel = [&rgb](double x, double y) {
    const double scale = 240 / 5.47;
    const int column = static_cast<int>(240 + x * scale), row = static_cast<int>(240 - y * scale);
    return reinterpret_cast<const unsigned char*>(&rgb[3 * (row * 480 + column)]);
  };
  const unsigned char* const target = pixel(3, 3);
  EXPECT_GT(target[1], 2 * target[0]);
  const unsigned char* const obstacle = pixel(-2.5, -2.5);
  EXPECT_GT(obstacle[0], 2 * obstacle[1]);
  const unsigned char* const floor = pixel(0, 2);
  EXPECT_GT(floor[0], 180);
  EXPECT_GT(floor[2], 180);
}

}  // namespace
}  // namespace pmoe
