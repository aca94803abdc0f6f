// SaveState and LoadState of every task, and what they do with bytes that are none of theirs.
#include <gmock/gmock.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "actor/env/env_list.h"
#include "common/base/crc32c.h"
#include "tests/actor/env/rollout.h"
#include "tests/testing/paths.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using ::testing::HasSubstr;

constexpr size_t kBodyOffset = 16;  // u32 magic, u32 CRC32C, u64 length

// Makes the checksum fit again after the body was changed.
std::string Sealed(std::string bytes) {
  const uint32_t crc = Crc32c(absl::string_view(bytes).substr(kBodyOffset));
  std::memcpy(bytes.data() + sizeof(uint32_t), &crc, sizeof(crc));
  return bytes;
}

class EnvStateTest : public ::testing::TestWithParam<std::string> {
 protected:
  // A short limit, so that rollouts cross the end of an episode.
  std::unique_ptr<Env> Make() { return MustMake(GetParam(), {{"max_episode_steps", "50"}}); }
};

TEST_P(EnvStateTest, ContinuesWithTheSameBitsInTheSameEnv) {
  const auto env = Make();
  Pcg64 actions(11);
  ResetBits(env.get(), 3);
  Roll(env.get(), &actions, 37);
  const std::string state = Saved(*env);
  const Pcg64 actions_then = actions;
  const std::vector<uint64_t> first = Roll(env.get(), &actions, 120);
  actions = actions_then;
  ASSERT_TRUE(Load(env.get(), state).ok());
  EXPECT_EQ(Roll(env.get(), &actions, 120), first);
}

TEST_P(EnvStateTest, ContinuesWithTheSameBitsInAFreshEnv) {
  const auto env = Make();
  Pcg64 actions(12);
  ResetBits(env.get(), 4);
  Roll(env.get(), &actions, 37);
  const auto fresh = Make();
  ASSERT_TRUE(Load(fresh.get(), Saved(*env)).ok());
  Pcg64 actions_again = actions;
  EXPECT_EQ(Roll(fresh.get(), &actions_again, 120), Roll(env.get(), &actions, 120));
}

TEST_P(EnvStateTest, SavesAgainTheBytesThatItLoaded) {
  const auto env = Make();
  Pcg64 actions(13);
  ResetBits(env.get(), 5);
  Roll(env.get(), &actions, 7);
  const auto fresh = Make();
  ASSERT_TRUE(Load(fresh.get(), Saved(*env)).ok());
  EXPECT_EQ(Saved(*fresh), Saved(*env));
}

TEST_P(EnvStateTest, StatesOfSeveralEnvsFollowEachOther) {
  const auto first = Make();
  const auto second = Make();
  ResetBits(first.get(), 1);
  ResetBits(second.get(), 2);
  ByteWriter out;
  first->SaveState(&out);
  second->SaveState(&out);
  const auto loaded = Make();
  ByteReader in(out.bytes());
  ASSERT_TRUE(loaded->LoadState(&in).ok());
  ASSERT_TRUE(loaded->LoadState(&in).ok());
  EXPECT_TRUE(in.Finish("states").ok());
}

TEST_P(EnvStateTest, RefusesEveryTruncationAndStaysAsItWas) {
  const auto env = Make();
  ResetBits(env.get(), 6);
  const std::string state = Saved(*env);
  Pcg64 actions(14);
  Roll(env.get(), &actions, 3);
  const std::string before = Saved(*env);
  for (size_t n = 0; n < state.size(); ++n) {
    ASSERT_EQ(Load(env.get(), state.substr(0, n)).code(), absl::StatusCode::kDataLoss) << n;
  }
  EXPECT_EQ(Saved(*env), before);
}

TEST_P(EnvStateTest, RefusesABodyCutShortUnderAFittingChecksum) {
  const auto env = Make();
  ResetBits(env.get(), 6);
  const std::string state = Saved(*env);
  for (size_t n = kBodyOffset; n < state.size(); n += 97) {
    std::string cut = state.substr(0, n);
    const uint64_t length = n - kBodyOffset;
    std::memcpy(cut.data() + 8, &length, sizeof(length));
    ASSERT_FALSE(Load(env.get(), Sealed(cut)).ok()) << n;
  }
}

TEST_P(EnvStateTest, RefusesDamageAndStaysAsItWas) {
  const auto env = Make();
  ResetBits(env.get(), 7);
  const std::string state = Saved(*env);
  for (size_t i = 0; i < state.size(); i += 1 + i / 64) {
    std::string damaged = state;
    damaged[i] ^= 0x10;
    ASSERT_FALSE(Load(env.get(), damaged).ok()) << i;
  }
  EXPECT_EQ(Saved(*env), state);
}

// A checksum is no protection from bytes that were made on purpose: whatever loads must also step.
TEST_P(EnvStateTest, SurvivesForgedStates) {
  const auto env = Make();
  ResetBits(env.get(), 8);
  const std::string state = Saved(*env);
  Pcg64 forger(15);
  for (int round = 0; round < 200; ++round) {
    std::string forged = state;
    const uint64_t changes = 1 + forger.NextU64() % 64;
    for (uint64_t i = 0; i < changes; ++i) {
      const size_t at = kBodyOffset + forger.NextU64() % (forged.size() - kBodyOffset);
      forged[at] = static_cast<char>(forger.NextU64());
    }
    if (!Load(env.get(), Sealed(forged)).ok()) continue;
    Pcg64 actions(16);
    Roll(env.get(), &actions, 2);
  }
}

TEST_P(EnvStateTest, RefusesTheStateOfOtherArguments) {
  const auto other = MustMake(GetParam(), {{"max_episode_steps", "49"}});
  const auto env = Make();
  const absl::Status status = Load(env.get(), Saved(*other));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("max_episode_steps=49"));
}

TEST_P(EnvStateTest, TwoThreadsGiveTheStreamsOfOne) {
  const auto run = [this](uint64_t seed) {
    const auto env = Make();
    Pcg64 actions(seed);
    std::vector<uint64_t> bits = ResetBits(env.get(), seed);
    const std::vector<uint64_t> rest = Roll(env.get(), &actions, 100);
    bits.insert(bits.end(), rest.begin(), rest.end());
    return bits;
  };
  std::vector<uint64_t> first;
  std::vector<uint64_t> second;
  {
    std::jthread one([&] { first = run(21); });
    std::jthread two([&] { second = run(22); });
  }
  EXPECT_EQ(first, run(21));
  EXPECT_EQ(second, run(22));
}

std::vector<std::string> Ids() {
  std::vector<std::string> ids;
  for (const EnvInfo& info : ListEnvs()) ids.push_back(info.id);
  ids.push_back("mjcf:" + SourceFile("deploy/configs/tasks/crawler.textproto"));
  return ids;
}

INSTANTIATE_TEST_SUITE_P(Tasks, EnvStateTest, ::testing::ValuesIn(Ids()), [](const auto& info) {
  std::string name = info.param.substr(info.param.rfind('/') + 1);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
});

TEST(EnvStateAcrossTasksTest, RefusesTheStateOfAnotherTask) {
  const auto hopper = MustMake("Hopper-v5");
  const auto cheetah = MustMake("HalfCheetah-v5");
  EXPECT_EQ(Load(cheetah.get(), Saved(*hopper)).code(), absl::StatusCode::kFailedPrecondition);
}

// A state is of a task, not of a folder; states of before name the folder too.
TEST(EnvStateAcrossTasksTest, TakesTheStateOfAProjectThatMoved) {
  const TempDir dir;
  const std::string source = SourceFile("deploy/configs/tasks");
  const auto make = [&](const std::string& folder, bool renamed) {
    std::filesystem::create_directories(dir.File(folder));
    const std::string task = dir.File(folder) + (renamed ? "/other name" : "/crawler.textproto");
    const std::string model = dir.File(folder) + (renamed ? "/my robot.xml" : "/crawler.xml");
    std::filesystem::copy_file(source + "/crawler.textproto", task);
    std::filesystem::copy_file(source + "/crawler.xml", model);
    return MustMake("mjcf:" + task, {{"frame_skip", "3"}, {"xml_file", model}});
  };
  const auto before = make("a with spaces", false), after = make("b", true);
  ResetBits(before.get(), 5);
  Pcg64 actions(12);
  Roll(before.get(), &actions, 30);
  Pcg64 again = actions;
  ASSERT_TRUE(Load(after.get(), Saved(*before)).ok());
  EXPECT_EQ(Roll(after.get(), &again, 60), Roll(before.get(), &actions, 60));
}

TEST(EnvStateAcrossTasksTest, AMovedTaskMayHaveNoOtherParameters) {
  const std::string file = SourceFile("deploy/configs/tasks/crawler.textproto");
  const auto one = MustMake("mjcf:" + file, {{"frame_skip", "3"}});
  const auto other = MustMake("mjcf:" + file, {{"frame_skip", "4"}});
  ResetBits(one.get(), 5);
  EXPECT_EQ(Load(other.get(), Saved(*one)).code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace pmoe
