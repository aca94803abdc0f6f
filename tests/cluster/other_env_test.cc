// Members that do not step the same task. What lies in a home folder is another host's.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_replace.h"
#include "tests/cluster/cluster_testing.h"
#include "tests/testing/paths.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// Their order on the wire is another one in every process.
TEST(OtherEnvTest, AClusterTakesManyParameters) {
  TempDir dir;
  std::vector<std::string> words =
      SmallFlags("Ant-v5", {"--steps", "300", "--actors", "3", "--out", dir.File("run")});
  words.insert(words.begin(), {Binary("pmoe"), "up"});
  for (const char* arg : {"ctrl_cost_weight=0.1", "healthy_reward=0.5", "forward_reward_weight=2",
                          "contact_cost_weight=1e-4", "reset_noise_scale=0.05"}) {
    words.insert(words.end(), {"--env-arg", arg});
  }
  const ProcessResult result = RunProcess(words);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_TRUE(fs::exists(dir.File("run/env/files/ant.xml")));
}

class HostsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::copy_file(Source() + "crawler.textproto", Task());
    const std::string text = *ReadFile(Task());
    std::ofstream(Task()) << absl::StrReplaceAll(text, {{"./crawler.xml", "~/crawler.xml"}});
    for (const char* host : {"one", "two"}) fs::create_directories(dir_.File(host));
    fs::copy_file(Source() + "crawler.xml", dir_.File("one/crawler.xml"));
  }

  static std::string Source() { return SourceFile("deploy/configs/tasks/"); }
  std::string Task() const { return dir_.File("task.textproto"); }
  std::unique_ptr<ChildProcess> Start(const std::string& host, std::vector<std::string> words) {
    words[0] = Binary(words[0]);
    words.insert(words.begin(), {"/usr/bin/env", "HOME=" + dir_.File(host)});
    return std::make_unique<ChildProcess>(words);
  }
  std::unique_ptr<ChildProcess> StartLearner(const std::vector<std::string>& more) {
    std::vector<std::string> words = SmallFlags("mjcf:" + Task(), more);
    words.insert(words.begin(), {"pmoe-learner", "--listen", learner_, "--or-resume", "--out",
                                 dir_.File("run"), "--dashboard", "none"});
    return Start("nowhere", words);
  }
  std::unique_ptr<ChildProcess> StartReplay() {
    return Start("nowhere", {"pmoe-replay", "--learner", learner_, "--listen",
                             "unix:" + dir_.File("replay"), "--dir", dir_.File("tables")});
  }
  std::unique_ptr<ChildProcess> StartActor(const std::string& host,
                                           const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"pmoe-actor", "run", "--learner", learner_};
    words.insert(words.end(), more.begin(), more.end());
    return Start(host, words);
  }

  // Steps that the run has not made. In async it goes a few hundred beyond what it was asked for,
  // and how far depends on who is faster.
  std::string MoreSteps() {
    int done = 0;
    for (const auto& entry : fs::directory_iterator(dir_.File("run/checkpoints"))) {
      done = std::max(done, std::stoi(entry.path().filename()));
    }
    return std::to_string(done + 300);
  }

  TempDir dir_;
  const std::string learner_ = "unix:" + dir_.File("learner");
};

TEST_F(HostsTest, AnActorWhoseModelDiffersIsRefusedByNumberAndTheRunGoesOn) {
  const std::string text = *ReadFile(Source() + "crawler.xml");
  std::ofstream(dir_.File("two/crawler.xml"))
      << absl::StrReplaceAll(text, {{"timestep=\"0.01\"", "timestep=\"0.005\""}});
  const auto learner = StartLearner({"--steps", "10000000"});
  const auto replay = StartReplay();
  const auto actor = StartActor("one");
  // The learner has no MuJoCo and no such home: it gets its copy from the actor.
  ASSERT_TRUE(Eventually([&] { return fs::exists(dir_.File("run/env/files/one/crawler.xml")); }));
  EXPECT_EQ(*ReadFile(dir_.File("run/env/files/one/crawler.xml")), text);
  const ProcessResult refused = StartActor("two")->Wait();
  EXPECT_EQ(refused.exit_code, 2) << refused.output;
  EXPECT_THAT(refused.output, HasSubstr("model.opt.timestep: 0.01 -> 0.005"));
  ASSERT_TRUE(learner->ReadUntil("refused of actor"));
  learner->Signal(SIGINT);
  EXPECT_EQ(learner->Wait().exit_code, 0);
}

TEST_F(HostsTest, AMissingModelNamesThePathAndTheHost) {
  const auto learner = StartLearner({"--steps", "1000"});
  char host[256] = {};
  ASSERT_EQ(gethostname(host, sizeof(host) - 1), 0);
  const ProcessResult result = StartActor("two")->Wait();
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr(absl::StrCat("on host ", host)));
  EXPECT_THAT(result.output, HasSubstr(dir_.File("two/crawler.xml")));
}

TEST_F(HostsTest, ARunThatGoesOnTakesNoOtherModelUnlessItIsAllowed) {
  const auto train = [&](const std::vector<std::string>& more) {
    auto learner = StartLearner(more);
    const auto replay = StartReplay();
    const auto actor = StartActor("one"), evaluator = StartActor("one", {"--evaluate"});
    return learner->Wait();
  };
  const ProcessResult first = train({"--steps", "300"});
  ASSERT_EQ(first.exit_code, 0) << first.output;
  const std::string text = *ReadFile(Source() + "crawler.xml");
  std::ofstream(dir_.File("one/crawler.xml"))
      << absl::StrReplaceAll(text, {{"timestep=\"0.01\"", "timestep=\"0.005\""}});
  {
    auto learner = StartLearner({"--steps", MoreSteps()});
    const auto replay = StartReplay();
    const ProcessResult refused = StartActor("one")->Wait();
    EXPECT_EQ(refused.exit_code, 2) << refused.output;
    EXPECT_THAT(refused.output, HasSubstr("model.opt.timestep: 0.01 -> 0.005"));
    learner->Signal(SIGINT);
    EXPECT_EQ(learner->Wait().exit_code, 0);
  }
  const ProcessResult allowed = train({"--steps", MoreSteps(), "--allow-other-env"});
  EXPECT_EQ(allowed.exit_code, 0) << allowed.output;
  EXPECT_THAT(*ReadFile(dir_.File("run/log.txt")), HasSubstr("goes on with another task"));
}

}  // namespace
}  // namespace pmoe
