// Environments are the same where they mean the same, however their messages happen to be laid out.
#include "control/wire/env_identity.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

using ::testing::ElementsAre;

EnvSpecMessage Walker() {
  EnvSpecMessage env;
  env.set_id("Walker-v0");
  env.set_obs_dim(3);
  env.set_action_dim(1);
  env.add_action_low(-1.0);
  env.add_action_high(1.0);
  env.set_max_episode_steps(100);
  env.set_simulator("MuJoCo 3.6.0");
  return env;
}

void AddFact(EnvSpecMessage* env, const std::string& name, const std::string& value) {
  env->add_facts()->set_name(name);
  env->mutable_facts(env->facts_size() - 1)->set_value(value);
}

void AddFile(EnvSpecMessage* env, const std::string& name, const std::string& content) {
  EnvFileInfo* const file = env->add_files();
  file->set_name(name);
  file->set_role("model");
  file->set_bytes(content.size());
  file->set_sha256(Sha256(content));
}

TEST(EnvIdentityTest, TheOrderOfParametersMeansNothing) {
  EnvSpecMessage a = Walker(), b = Walker();
  for (int i = 0; i < 100; ++i) {
    (*a.mutable_args())[absl::StrCat("p", i)] = "1";
    (*b.mutable_args())[absl::StrCat("p", 99 - i)] = "1";
  }
  // Nothing but the maps' order tells them apart, and it does: the bytes are not the same.
  ASSERT_NE(a.SerializeAsString(), b.SerializeAsString());
  EXPECT_THAT(EnvDifferences(a, b), ElementsAre());
}

TEST(EnvIdentityTest, AParametersTextMeansItsNumber) {
  EnvSpecMessage a = Walker(), b = Walker();
  (*a.mutable_args())["weight"] = "0.50";
  (*b.mutable_args())["weight"] = "5e-1";
  (*a.mutable_args())["strict"] = "True";
  (*b.mutable_args())["strict"] = "true";
  EXPECT_THAT(EnvDifferences(a, b), ElementsAre());
}

TEST(EnvIdentityTest, EveryFieldThatDiffersIsNamedWithBothValues) {
  const EnvSpecMessage a = Walker();
  EnvSpecMessage b = Walker();
  b.set_id("Walker-v1");
  b.set_obs_dim(4);
  b.set_max_episode_steps(200);
  b.set_action_low(0, -2.0);
  b.set_action_high(0, 2.0);
  b.set_simulator("MuJoCo 9");
  (*b.mutable_args())["weight"] = "2";
  EXPECT_THAT(EnvDifferences(a, b),
              ElementsAre("task: Walker-v0 -> Walker-v1", "simulator: MuJoCo 3.6.0 -> MuJoCo 9",
                          "observations: 3 -> 4", "max_episode_steps: 100 -> 200",
                          "action_low[0]: -1 -> -2", "action_high[0]: 1 -> 2",
                          "parameter weight: unset -> 2"));
  b = a;
  b.set_action_dim(2);
  EXPECT_THAT(EnvDifferences(a, b), ElementsAre("actions: 1 -> 2"));
}

TEST(EnvIdentityTest, WhereFilesLieMeansNothing) {
  EnvSpecMessage a = Walker(), b = Walker();
  a.set_id("mjcf:/home/a/task.textproto");
  b.set_id("mjcf:moved here/other.textproto");
  (*a.mutable_args())["xml_file"] = "/home/a/robot.xml";
  EXPECT_THAT(EnvDifferences(a, b), ElementsAre());
  b.set_id("plugin:task.so");
  EXPECT_THAT(EnvDifferences(a, b), ElementsAre("task: a mjcf file -> a plugin file"));
}

TEST(EnvIdentityTest, AChangedFileIsNamedWithTheNumbersThatItChanged) {
  EnvSpecMessage a = Walker(), b = Walker();
  AddFact(&a, "model.opt.timestep", "0.002");
  AddFact(&b, "model.opt.timestep", "0.004");
  AddFile(&a, "robot.xml", "<a/>");
  AddFile(&a, "old.xml", "<b/>");
  AddFile(&b, "robot.xml", "<c/>");
  AddFile(&b, "new.xml", "<d/>");
  EXPECT_THAT(EnvDifferences(a, b),
              ElementsAre("file new.xml: new", "file robot.xml: changed",
                          "file old.xml: not read now", "model.opt.timestep: 0.002 -> 0.004"));
}

TEST(EnvIdentityTest, OtherFilesOfTheSameNumbersAreTheSameModel) {
  EnvSpecMessage a = Walker(), b = Walker();
  AddFact(&a, "model.opt.timestep", "0.002");
  AddFact(&b, "model.opt.timestep", "0.002");
  AddFile(&a, "robot.xml", "<a/>");
  AddFile(&b, "renamed.xml", "<a/><!-- a comment -->");
  EXPECT_THAT(EnvDifferences(a, b), ElementsAre());
}

// Another machine's libm may round the inertia of a body otherwise.
TEST(EnvIdentityTest, TheSameFilesAreTheSameModelWhateverTheLastBitSays) {
  EnvSpecMessage a = Walker(), b = Walker();
  AddFact(&a, "model.body_inertia", "0.1");
  AddFact(&b, "model.body_inertia", "0.10000000000000002");
  AddFile(&a, "robot.xml", "<a/>");
  AddFile(&b, "moved/robot.xml", "<a/>");
  EXPECT_THAT(EnvDifferences(a, b), ElementsAre());
}

TEST(EnvIdentityTest, FilesThatChangedPlacesAreAnotherModel) {
  EnvSpecMessage a = Walker(), b = Walker();
  AddFact(&a, "model.mesh_vert", "1, 2");
  AddFact(&b, "model.mesh_vert", "2, 1");
  AddFile(&a, "left.obj", "1");
  AddFile(&a, "right.obj", "2");
  AddFile(&b, "left.obj", "2");
  AddFile(&b, "right.obj", "1");
  EXPECT_THAT(EnvDifferences(a, b), ElementsAre("file left.obj: changed", "file right.obj: changed",
                                                "model.mesh_vert: 1, 2 -> 2, 1"));
}

TEST(EnvIdentityTest, NamesThatDifferInCaseAreOtherNames) {
  EnvSpecMessage a = Walker(), b = Walker();
  AddFact(&a, "task.healthy[0].slice.name", "\"hip\"");
  AddFact(&b, "task.healthy[0].slice.name", "\"Hip\"");
  EXPECT_THAT(EnvDifferences(a, b), ElementsAre("task.healthy[0].slice.name: \"hip\" -> \"Hip\""));
}

TEST(EnvIdentityTest, OtherNumbersAreRefusedUntilTheyAreAllowed) {
  EnvSpecMessage kept = Walker(), now = Walker();
  now.set_max_episode_steps(7);
  EXPECT_THAT(CheckSameEnv("runs/x", kept, now, /*allowed=*/false),
              FailsWith(absl::StatusCode::kFailedPrecondition,
                        "the one that runs/x was made with: max_episode_steps: 100 -> 7"));
  EXPECT_OK(CheckSameEnv("runs/x", kept, now, /*allowed=*/true));
}

TEST(EnvIdentityTest, OtherSizesAreNeverAllowed) {
  EnvSpecMessage now = Walker();
  now.set_obs_dim(4);
  EXPECT_THAT(CheckSameEnv("runs/x", Walker(), now, /*allowed=*/true),
              FailsWith(absl::StatusCode::kFailedPrecondition, "observations: 3 -> 4"));
}

TEST(EnvIdentityTest, LongListsAreCutShort) {
  EXPECT_EQ(ListDifferences({"a", "b", "c", "d", "e", "f", "g", "h"}),
            "a; b; c; d; e; f; and 2 more");
}

TEST(EnvIdentityTest, ASpecWhoseSizesDoNotFitIsRefused) {
  EnvSpecMessage env = Walker();
  env.add_action_low(0.0);
  EXPECT_THAT(CheckEnvSpec(env), IsInvalid("1 actions with 2 and 1 bounds"));
}

TEST(EnvIdentityTest, AFileThatWouldLeaveItsFolderIsRefused) {
  for (const std::string& name :
       {std::string("/etc/passwd"), std::string("../x"), std::string("a/../../x"), std::string(""),
        std::string("a/"), std::string("."), std::string("a\0b", 3), std::string(5000, 'x')}) {
    EnvSpecMessage env = Walker();
    AddFile(&env, name, "");
    EXPECT_THAT(CheckEnvSpec(env), IsInvalid("names must be relative")) << name;
  }
  EnvSpecMessage env = Walker();
  AddFile(&env, "a folder/ü..xml", "");
  EXPECT_OK(CheckEnvSpec(env));
}

TEST(EnvIdentityTest, ASpecBeyondAllSenseIsRefused) {
  EnvSpecMessage env = Walker();
  AddFact(&env, "task.x", std::string(20 << 20, 'x'));
  EXPECT_THAT(CheckEnvSpec(env), IsInvalid("too large"));
}

}  // namespace
}  // namespace pmoe
