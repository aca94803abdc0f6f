// Every role started by itself with the same words each time, as containers are: the run begins,
// resumes, and each process says how it is.
#include <map>

#include "tests/cluster/cluster_testing.h"
#include "tests/testing/run_comparison.h"

namespace pmoe {
namespace {

using ::testing::HasSubstr;

constexpr int kServing = 0;
constexpr int kNobodyAnswers = 3;
constexpr int kNotServing = 4;

class ByHandTest : public ::testing::Test {
 protected:
  std::unique_ptr<ChildProcess> StartLearner() {
    return StartLearner(SmallFlags("InvertedPendulum-v5", {"--steps", "10000000"}));
  }
  std::unique_ptr<ChildProcess> StartLearner(std::vector<std::string> words) {
    words.insert(words.end(), {"--out", dir_.File("run"), "--or-resume"});
    words.insert(words.begin(), {Binary("pmoe-learner"), "--listen", learner_});
    return std::make_unique<ChildProcess>(words);
  }
  // `name`: of one among several.
  std::unique_ptr<ChildProcess> StartReplay(const std::string& name = "") {
    return std::make_unique<ChildProcess>(
        std::vector<std::string>{Binary("pmoe-replay"), "--learner", learner_, "--listen",
                                 replay_ + name, "--dir", dir_.File("tables" + name)});
  }
  std::unique_ptr<ChildProcess> StartActor(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {Binary("pmoe-actor"), "run", "--learner", learner_,
                                      "--health",           actor_};
    words.insert(words.end(), more.begin(), more.end());
    return std::make_unique<ChildProcess>(words);
  }
  int Health(const std::string& address) const {
    return RunProcess({Binary("pmoe"), "health", address}).exit_code;
  }
  // Null while no learner answers.
  nlohmann::json Status() const {
    const ProcessResult result =
        RunProcess({Binary("pmoe"), "status", "--learner", learner_, "--json"});
    return result.exit_code == 0 ? nlohmann::json::parse(result.output) : nlohmann::json();
  }
  // -1 while no learner answers.
  int64_t EnvSteps() const {
    const nlohmann::json status = Status();
    return status.is_null() ? -1 : std::stoll(status["env_steps"].get<std::string>());
  }
  // Where the shards listen that are there, by index.
  std::map<int, std::string> Shards() const {
    std::map<int, std::string> shards;
    const nlohmann::json status = Status();
    if (status.is_null()) return shards;
    for (const auto& member : status["members"]) {
      if (member["role"] != "RUN_ROLE_REPLAY" || !member["connected"].get<bool>()) continue;
      shards[member["index"]] = member["process"]["listen_address"];
    }
    return shards;
  }
  static void End(ChildProcess* process) {
    process->Signal(SIGTERM);
    const ProcessResult result = process->Wait();
    EXPECT_EQ(result.exit_code, 0) << result.output;
  }

  TempDir dir_;
  const std::string learner_ = "unix:" + dir_.File("learner");
  const std::string replay_ = "unix:" + dir_.File("replay");
  const std::string actor_ = "unix:" + dir_.File("actor");
};

TEST_F(ByHandTest, TheSameWordsStartARunAndGoOnWithIt) {
  auto learner = StartLearner();
  auto replay = StartReplay();
  auto actor = StartActor();
  ASSERT_TRUE(Eventually([&] { return EnvSteps() > 500; }));
  End(learner.get());
  learner = StartLearner();
  ASSERT_TRUE(Eventually([&] { return EnvSteps() >= 500; }));
  const int64_t steps = EnvSteps();
  EXPECT_TRUE(Eventually([&] { return EnvSteps() > steps + 300; }));
  End(actor.get());
  End(learner.get());
  End(replay.get());
}

// In Kubernetes a shard's name is known some seconds after it has joined: that ended the learner.
TEST_F(ByHandTest, TheLearnerWaitsForAShardThatHasJoinedAndDoesNotAnswerYet) {
  std::vector<std::string> flags = SmallFlags("InvertedPendulum-v5", {"--steps", "10000000"});
  flags.emplace_back("--insecure");
  auto learner = StartLearner(flags);
  ChildProcess unheard({Binary("pmoe-replay"), "--learner", learner_, "--insecure", "--listen",
                        "127.0.0.1:0", "--advertise", "127.0.0.1:1", "--dir", dir_.File("none")});
  auto actor = StartActor({"--insecure"});
  ASSERT_TRUE(learner->ReadUntil("trying for 60 s"));
  End(&unheard);
  auto replay = StartReplay();
  EXPECT_TRUE(Eventually([&] { return EnvSteps() > 500; }));
  End(actor.get());
  End(learner.get());
  End(replay.get());
}

TEST_F(ByHandTest, ALostActorCostsALockstepRunNoBit) {
  std::vector<std::string> flags =
      SmallFlags("HalfCheetah-v5", {"--mode", "lockstep", "--steps", "2000", "--actors", "2"});
  std::vector<std::string> embedded = {Binary("pmoe"), "train", "--out", dir_.File("embedded")};
  embedded.insert(embedded.end(), flags.begin(), flags.end());
  ASSERT_EQ(RunProcess(embedded).exit_code, 0);
  auto learner = StartLearner(flags);
  auto replay = StartReplay();
  auto actor = StartActor();
  auto evaluator = std::make_unique<ChildProcess>(
      std::vector<std::string>{Binary("pmoe-actor"), "run", "--learner", learner_, "--evaluate"});
  auto lost = std::make_unique<ChildProcess>(
      std::vector<std::string>{Binary("pmoe-actor"), "run", "--learner", learner_});
  ASSERT_TRUE(learner->ReadUntil("  300/2,000"));
  lost->Signal(SIGKILL);
  const ProcessResult ended = learner->Wait();
  EXPECT_EQ(ended.exit_code, 1) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("env steps before its round are kept")) << ended.output;
  // The others are still there.
  learner = StartLearner(flags);
  lost = std::make_unique<ChildProcess>(
      std::vector<std::string>{Binary("pmoe-actor"), "run", "--learner", learner_});
  const ProcessResult finished = learner->Wait();
  EXPECT_EQ(finished.exit_code, 0) << finished.output;
  for (ChildProcess* each : {actor.get(), lost.get(), evaluator.get(), replay.get()}) {
    EXPECT_EQ(each->Wait().exit_code, 0);
  }
  const std::string checkpoint = "/checkpoints/2000/state.pmoe";
  const std::string a = dir_.File("embedded"), b = dir_.File("run");
  EXPECT_TRUE(BytesOf(a + checkpoint) == BytesOf(b + checkpoint));
  EXPECT_EQ(MetricsWithoutTimes(a), MetricsWithoutTimes(b));
}

// Each shard's rows are of the actors of its index: with another's seat they would be held twice.
TEST_F(ByHandTest, ShardsThatDieTogetherComeBackAsWhatTheyWere) {
  auto learner = StartLearner(SmallFlags(
      "InvertedPendulum-v5", {"--steps", "10000000", "--set", "replay.shards=2", "--actors", "2"}));
  auto first = StartReplay("-a");
  ASSERT_TRUE(Eventually([&] { return Shards().size() == 1; }));
  auto second = StartReplay("-b");
  auto actor = StartActor();
  ASSERT_TRUE(Eventually([&] { return EnvSteps() > 300; }));
  const std::map<int, std::string> before = Shards();
  ASSERT_EQ(before, (std::map<int, std::string>{{0, replay_ + "-a"}, {1, replay_ + "-b"}}));
  for (auto* shard : {&first, &second}) (*shard)->Signal(SIGKILL);
  for (auto* shard : {&first, &second}) (*shard)->Wait();
  ASSERT_TRUE(Eventually([&] { return Shards().empty(); }));
  second = StartReplay("-b");
  ASSERT_TRUE(Eventually([&] { return Shards().size() == 1; }));
  EXPECT_EQ(Shards().begin()->first, 1);
  first = StartReplay("-a");
  EXPECT_TRUE(Eventually([&] { return Shards() == before; }));
  const int64_t steps = EnvSteps();
  EXPECT_TRUE(Eventually([&] { return EnvSteps() > steps + 300; }));
  for (auto* each : {&actor, &learner, &first, &second}) End(each->get());
}

TEST_F(ByHandTest, WhoWaitsForTheOthersEndsInOrder) {
  const auto end_once_up = [&](std::unique_ptr<ChildProcess> process, const std::string& address) {
    EXPECT_TRUE(Eventually([&] { return Health(address) != kNobodyAnswers; }));
    End(process.get());
  };
  end_once_up(StartActor(), actor_);
  end_once_up(StartActor({"--evaluate"}), actor_);
  end_once_up(StartReplay(), replay_);
  end_once_up(StartLearner(), learner_);
}

TEST_F(ByHandTest, AnActorServesWhileItHearsTheLearner) {
  auto actor = StartActor();
  EXPECT_TRUE(Eventually([&] { return Health(actor_) == kNotServing; }));
  auto learner = StartLearner();
  EXPECT_TRUE(Eventually([&] { return Health(actor_) == kServing; }));
  learner->Signal(SIGKILL);
  EXPECT_TRUE(Eventually([&] { return Health(actor_) == kNotServing; }));
  learner = StartLearner();
  EXPECT_TRUE(Eventually([&] { return Health(actor_) == kServing; }));
  End(actor.get());
  End(learner.get());
}

}  // namespace
}  // namespace pmoe
