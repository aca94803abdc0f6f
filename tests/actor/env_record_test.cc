// Whatever makes an environment step otherwise is in its record, and nothing else is: a task file,
// a model and each kind of file that a model can read.
#include "actor/env_record.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "actor/env/registry.h"
#include "common/base/file.h"
#include "control/wire/env_identity.h"
#include "gmock/gmock.h"
#include "tests/testing/paths.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kModel[] = R"(<mujoco>
  <compiler meshdir="the meshes ü" texturedir="pictures"/>
  <include file="parts/options.xml"/>
  <asset>
    <hfield name="ground" file="ground.bin" size="2 2 0.1 0.1"/>
    <texture name="paint" type="2d" file="paint.bin"/>
    <material name="paint" texture="paint"/>
    <model name="arm" file="parts/arm.xml"/>
    <mesh name="left" file="left.obj"/>
    <mesh name="right" file="right.obj"/>
  </asset>
  <deformable><skin name="coat" file="coat.skn"/></deformable>
  <worldbody>
    <geom type="hfield" hfield="ground" friction="0.9"/>
    <body name="trunk" pos="0 0 1">
      <joint name="x" type="slide" axis="1 0 0" damping="0.5"/>
      <geom name="box" type="box" size="0.1 0.1 0.1" mass="2" material="paint"/>
      <geom type="mesh" mesh="left" mass="0" pos="0 1 0"/>
      <geom type="mesh" mesh="right" mass="0" pos="0 -1 0"/>
      <frame pos="0 0 0.2"><attach model="arm" body="link" prefix="left_"/></frame>
    </body>
  </worldbody>
  <actuator><motor joint="x" gear="3" ctrlrange="-1 1"/></actuator>
  <keyframe><key name="home" qpos="0.25 0"/></keyframe>
</mujoco>
)";
constexpr char kOptions[] = "<mujoco><option timestep=\"0.004\"/></mujoco>";
constexpr char kArm[] = R"(<mujoco><worldbody><body name="link">
  <joint name="elbow" type="hinge" axis="0 1 0"/><geom type="sphere" size="0.05" mass="1"/>
</body></worldbody></mujoco>)";
constexpr char kTask[] = R"(model: "robot ü.xml"
frame_skip: 2
observation { slice { array: QPOS } }
observation { slice { array: QVEL } clip { min: -10 max: 10 } }
healthy { slice { array: QPOS name: "x" } min: -1.5 max: 1.5 }
reward { rate { slice { array: QPOS name: "x" } } }
reward { weight: 0.25 alive: true }
)";

template <typename T>
void Append(const std::vector<T>& values, std::string* bytes) {
  bytes->append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

// MuJoCo's own formats of height fields, textures and skins.
std::string Ground(float height) {
  std::string bytes;
  Append<int>({2, 2}, &bytes);
  Append<float>({0, 0, 1, height}, &bytes);
  return bytes;
}
std::string Paint(unsigned char red) {
  std::string bytes;
  Append<int>({1, 1}, &bytes);
  Append<unsigned char>({red, 2, 3}, &bytes);
  return bytes;
}
std::string Coat(float x) {
  std::string bytes;
  Append<int>({3, 0, 1, 1}, &bytes);
  Append<float>({0, 0, 0, x, 0, 0, 0, 1, 0}, &bytes);
  Append<int>({0, 1, 2}, &bytes);
  std::string bone = "trunk";
  bone.resize(40);
  bytes += bone;
  Append<float>({0, 0, 0, 1, 0, 0, 0}, &bytes);
  Append<int>({3, 0, 1, 2}, &bytes);
  Append<float>({1, 1, 1}, &bytes);
  return bytes;
}

// A tetrahedron, as text.
std::string Tetrahedron(const char* height) {
  return absl::StrCat("v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 ", height,
                      "\nf 1 3 2\nf 1 2 4\nf 2 3 4\nf 3 1 4\n");
}

class EnvRecordTest : public ::testing::Test {
 protected:
  void SetUp() override { WriteProject(Folder()); }

  std::string Folder() const { return dir_.File("my project"); }

  static void Write(const std::string& path, const std::string& bytes) {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
  }
  static void WriteProject(const std::string& folder) {
    Write(folder + "/task.textproto", kTask);
    Write(folder + "/robot ü.xml", kModel);
    Write(folder + "/parts/options.xml", kOptions);
    Write(folder + "/parts/arm.xml", kArm);
    Write(folder + "/the meshes ü/ground.bin", Ground(0.5F));
    Write(folder + "/pictures/paint.bin", Paint(1));
    Write(folder + "/the meshes ü/coat.skn", Coat(1.0F));
    Write(folder + "/the meshes ü/left.obj", Tetrahedron("1"));
    Write(folder + "/the meshes ü/right.obj", Tetrahedron("2"));
  }
  static EnvSpecMessage RecordAt(const std::string& folder) {
    const auto env = MakeEnv("mjcf:" + folder + "/task.textproto", {}, "");
    EXPECT_OK(env);
    if (!env.ok()) return {};
    const auto record = RecordEnv(**env);
    EXPECT_OK(record);
    return record.ok() ? record->spec : EnvSpecMessage();
  }
  static std::vector<std::string> FileNames(const std::string& folder) {
    const EnvSpecMessage record = RecordAt(folder);
    std::vector<std::string> names;
    for (const EnvFileInfo& file : record.files()) names.push_back(file.name());
    return names;
  }
  // What another project's record says where `from` in its file `name` is `to`.
  std::vector<std::string> DifferencesWith(const std::string& name, const std::string& from,
                                           const std::string& to) {
    const std::string other = dir_.File("other");
    fs::remove_all(other);
    WriteProject(other);
    const std::string text = *ReadFile(other + "/" + name);
    EXPECT_THAT(text, HasSubstr(from));
    Write(other + "/" + name, absl::StrReplaceAll(text, {{from, to}}));
    return EnvDifferences(RecordAt(Folder()), RecordAt(other));
  }
  std::vector<std::string> DifferencesWithFile(const std::string& name, const std::string& bytes) {
    const std::string other = dir_.File("other");
    fs::remove_all(other);
    WriteProject(other);
    Write(other + "/" + name, bytes);
    return EnvDifferences(RecordAt(Folder()), RecordAt(other));
  }

  TempDir dir_;
};

TEST_F(EnvRecordTest, NamesEveryFileThatWasRead) {
  EXPECT_THAT(
      FileNames(Folder()),
      UnorderedElementsAre("task.textproto", "robot ü.xml", "parts/options.xml", "parts/arm.xml",
                           "the meshes ü/ground.bin", "pictures/paint.bin", "the meshes ü/coat.skn",
                           "the meshes ü/left.obj", "the meshes ü/right.obj"));
}

TEST_F(EnvRecordTest, KeepsTheBytesOfEachFile) {
  const auto env = MakeEnv("mjcf:" + Folder() + "/task.textproto", {}, "");
  ASSERT_OK(env);
  const auto record = RecordEnv(**env);
  ASSERT_OK(record);
  ASSERT_EQ(record->files.size(), static_cast<size_t>(record->spec.files_size()));
  for (int i = 0; i < record->spec.files_size(); ++i) {
    EXPECT_EQ(record->files[i], *ReadFile(Folder() + "/" + record->spec.files(i).name()));
    EXPECT_EQ(record->spec.files(i).sha256(), Sha256(record->files[i]));
  }
}

TEST_F(EnvRecordTest, AMovedProjectIsTheSame) {
  const EnvSpecMessage before = RecordAt(Folder());
  fs::rename(Folder(), dir_.File("elsewhere"));
  EXPECT_THAT(EnvDifferences(before, RecordAt(dir_.File("elsewhere"))), IsEmpty());
}

TEST_F(EnvRecordTest, CommentsAndDefaultsWrittenOutAreTheSame) {
  EXPECT_THAT(DifferencesWith("robot ü.xml", "<mujoco>", "<!-- mine --><mujoco>"), IsEmpty());
  EXPECT_THAT(DifferencesWith("parts/options.xml", "\"0.004\"", "\"0.0040\""), IsEmpty());
  EXPECT_THAT(DifferencesWith("task.textproto", "frame_skip: 2",
                              "# mine\nframe_skip: 2 max_episode_steps: 1000"),
              IsEmpty());
}

TEST_F(EnvRecordTest, EachFieldOfTheTaskIsNamed) {
  const struct {
    const char* from;
    const char* to;
    const char* expected;
  } kCases[] = {
      {"frame_skip: 2", "frame_skip: 3", "task.frame_skip: 2 -> 3"},
      {"frame_skip: 2", "frame_skip: 2 max_episode_steps: 9", "max_episode_steps: 1000 -> 9"},
      {"frame_skip: 2", "frame_skip: 2 reset_noise { scale: 0.5 }",
       "task.reset_noise.scale: unset -> 0.5"},
      {"frame_skip: 2", "frame_skip: 2 terminate_when_unhealthy: false",
       "task.terminate_when_unhealthy: unset -> false"},
      {"weight: 0.25", "weight: 0.5", "task.reward[1].weight: 0.25 -> 0.5"},
      {"weight: 0.25", "subtract: true", "task.reward[1].subtract: unset -> true"},
      {"clip { min: -10", "clip { min: -9", "task.observation[1].clip.min: -10 -> -9"},
      {"clip { min: -10 max: 10 }", "", "task.observation[1].clip.max: 10 -> unset"},
      {"min: -1.5", "min: -2", "task.healthy[0].min: -1.5 -> -2"},
      {"alive: true", "constant: 1", "task.reward[1].constant: unset -> 1"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(DifferencesWith("task.textproto", c.from, c.to), Contains(c.expected)) << c.to;
  }
}

TEST_F(EnvRecordTest, EachNumberOfTheModelIsNamedWithItsFile) {
  const struct {
    const char* file;
    const char* from;
    const char* to;
    const char* expected;
  } kCases[] = {
      {"parts/options.xml", "0.004", "0.002", "model.opt.timestep: 0.004 -> 0.002"},
      {"parts/options.xml", "timestep", "gravity=\"0 0 -1\" timestep", "model.opt.gravity: "},
      {"parts/options.xml", "timestep", "cone=\"elliptic\" timestep", "model.opt.cone: 0 -> 1"},
      {"robot ü.xml", "damping=\"0.5\"", "damping=\"0.25\"",
       "model.dof_damping: 0.5, 0 -> 0.25, 0"},
      {"robot ü.xml", "mass=\"2\"", "mass=\"3\"", "model.body_mass: 0, 2, 1 -> 0, 3, 1"},
      {"robot ü.xml", "friction=\"0.9\"", "friction=\"0.8\"", "model.geom_friction: "},
      {"robot ü.xml", "gear=\"3\"", "gear=\"4\"", "model.actuator_gear: "},
      {"robot ü.xml", "qpos=\"0.25 0\"", "qpos=\"0.5 0\"", "model.key_qpos: 0.25, 0 -> 0.5, 0"},
      {"robot ü.xml", "name=\"home\"", "name=\"rest\"", "model.names: "},
      {"parts/arm.xml", "mass=\"1\"", "mass=\"4\"", "model.body_mass: 0, 2, 1 -> 0, 2, 4"},
      {"parts/arm.xml", "0 1 0", "1 0 0", "model.jnt_axis: "},
  };
  for (const auto& c : kCases) {
    const std::vector<std::string> differences = DifferencesWith(c.file, c.from, c.to);
    EXPECT_THAT(differences, Contains(absl::StrCat("file ", c.file, ": changed"))) << c.to;
    EXPECT_THAT(differences, Contains(HasSubstr(c.expected)))
        << c.to << absl::StrJoin(differences, "\n");
  }
}

// In the last bit too: shown numbers are whole, and long arrays stand as digests of their bytes.
TEST_F(EnvRecordTest, EachFileOfTheModelCounts) {
  EXPECT_THAT(DifferencesWithFile("the meshes ü/ground.bin", Ground(0.50000006F)),
              Contains(HasSubstr("model.hfield_data: ")));
  EXPECT_THAT(
      DifferencesWithFile("pictures/paint.bin", Paint(9)),
      ElementsAre("file pictures/paint.bin: changed", "model.tex_data: 1, 2, 3 -> 9, 2, 3"));
  EXPECT_THAT(DifferencesWithFile("the meshes ü/coat.skn", Coat(1.0000001F)),
              Contains(HasSubstr("model.skin_vert: ")));
  EXPECT_THAT(DifferencesWithFile("the meshes ü/left.obj", Tetrahedron("1.5")),
              Contains("file the meshes ü/left.obj: changed"));
}

TEST_F(EnvRecordTest, AFileOutsideOfTheModelsFolderIsRead) {
  const std::string outside = dir_.File("outside.xml");
  Write(outside, kOptions);
  for (const std::string& name : {outside, std::string("../outside.xml")}) {
    const std::string folder = dir_.File("inside");
    WriteProject(folder);
    Write(folder + "/robot ü.xml", absl::StrReplaceAll(kModel, {{"parts/options.xml", name}}));
    const std::vector<std::string> names = FileNames(folder);
    EXPECT_THAT(names, Contains("outside.xml")) << name;
    EXPECT_THAT(names, Contains("inside/robot ü.xml")) << name;
  }
}

TEST_F(EnvRecordTest, GymnasiumsModelsCountToo) {
  const std::string assets = dir_.File("assets");
  fs::create_directories(assets);
  const auto own = MakeEnv("Hopper-v5", {}, "");
  ASSERT_OK(own);
  const auto before = RecordEnv(**own);
  ASSERT_OK(before);
  ASSERT_EQ(before->files.size(), 1u);
  Write(assets + "/hopper.xml",
        absl::StrReplaceAll(before->files[0], {{"timestep=\"0.002\"", "timestep=\"0.001\""}}));
  const auto other = MakeEnv("Hopper-v5", {}, assets);
  ASSERT_OK(other);
  EXPECT_THAT(EnvDifferences(before->spec, RecordEnv(**other)->spec),
              ElementsAre("file hopper.xml: changed", "model.opt.timestep: 0.002 -> 0.001"));
}

TEST_F(EnvRecordTest, APluginIsItsLibrary) {
  const std::string built = Binary("point_plugin.so");
  const std::string a = dir_.File("a.so"), b = dir_.File("b.so");
  fs::copy_file(built, a);
  Write(b, *ReadFile(built) + "x");
  const auto record = [](const std::string& file) {
    const auto env = MakeEnv("plugin:" + file, {}, "");
    EXPECT_OK(env);
    return *RecordEnv(**env);
  };
  EXPECT_THAT(EnvDifferences(record(built).spec, record(a).spec), IsEmpty());
  EXPECT_THAT(EnvDifferences(record(a).spec, record(b).spec),
              ElementsAre(HasSubstr("plugin.library: ")));
  EXPECT_THAT(record(a).files, IsEmpty()) << "a library that is kept could be run";
}

}  // namespace
}  // namespace pmoe
