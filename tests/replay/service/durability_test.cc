// What an acknowledgement promises, held against kill -9 of a shard's process.
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/file.h"
#include "common/base/rng.h"
#include "replay/client/rpc_writer.h"
#include "replay/log/log_reader.h"
#include "replay/service/table_holder.h"
#include "tests/replay/service/process_testing.h"
#include "tests/testing/eventually.h"

namespace pmoe {
namespace {

// kill -9 at random moments under a writer that never stops: what it was told is held, as far as
// the table's durability promises, once and as it was sent.
class DurabilityTest : public ReplayProcessTest {
 protected:
  void Serve(Durability durability) {
    replay_.emplace(Command("unix:" + folder_.File("replay")));
    ASSERT_TRUE(replay_->ReadUntil("listening"));
    run_.NextReport();
    CreateTableRequest request = TableRequest();
    request.set_capacity(100'000'000);  // nothing is evicted, however many kills
    request.set_restore("newest");
    request.set_durability(durability);
    const auto reply = CreateTable(Connect().get(), request);
    ASSERT_OK(reply);
    held_ = reply->stats().inserted();
  }
  void StartWriter() {
    RpcWriterOptions options;
    options.chunks.envs = 1;
    options.run_id = "run-a";
    options.seat_signature = SeatSignature(0, 0);
    options.spec = kServedSpec;
    options.audit_path = folder_.File("audit");
    auto writer = RpcTransitionWriter::Create(
        options, *ParseRpcAddress("unix:" + folder_.File("replay"), "--listen"));
    ASSERT_OK(writer);
    writer_ = *std::move(writer);
    thread_ = std::thread([this] {
      const float action = 0.0f;
      for (uint64_t step = 0; !stop_; ++step) {
        if (step % kPageRows == 0) Clock::Real()->Sleep(std::chrono::milliseconds(1));
        const float obs[] = {static_cast<float>(step), 0.5f};
        const float next[] = {static_cast<float>(step + 1), 0.5f};
        EXPECT_OK(writer_->Write(0, {.obs = obs, .action = {&action, 1}, .next_obs = next}));
      }
    });
  }
  // Rows acknowledged up to about `before` ago, and at last, in a life of random length.
  std::pair<uint64_t, uint64_t> LiveAndKill(Rng* rng, std::chrono::milliseconds before) {
    const Clock::Time until =
        Clock::Real()->Now() + std::chrono::milliseconds(300 + rng->UniformInt(300)) + before;
    std::deque<std::pair<Clock::Time, uint64_t>> acked;
    do {
      acked.emplace_back(Clock::Real()->Now(), writer_->stats().rows_acked);
      Clock::Real()->Sleep(std::chrono::milliseconds(2));
    } while (Clock::Real()->Now() < until || acked.back().second == acked.front().second);
    const uint64_t last = writer_->stats().rows_acked;
    replay_->Signal(SIGKILL);
    const Clock::Time killed = Clock::Real()->Now();
    replay_->Wait();
    uint64_t earlier = 0;
    for (const auto& [at, rows] : acked) {
      if (killed - at > before) earlier = rows;
    }
    return {earlier, last};
  }
  // Ends everything; the table as the dump tells it, against what the writer says it sent.
  void CheckRows() {
    stop_ = true;
    thread_.join();
    EXPECT_OK(writer_->Close(std::chrono::seconds(20)));
    lost_ = Stats().rows_lost();
    held_ = Stats().inserted();
    replay_->Signal(SIGTERM);
    EXPECT_EQ(replay_->Wait().exit_code, 0);
    std::set<std::string> sent;
    std::istringstream audit(*ReadFile(folder_.File("audit")));
    for (std::string line; std::getline(audit, line);) {
      if (line.starts_with("row ")) sent.insert(line.substr(4));
    }
    const std::string dir = folder_.File("tables");
    const std::string newest = TableFiles(dir).NewestFirst().value().at(0).name;
    const auto dump =
        RunProcess({Binary("pmoe-replay"), "dump", absl::StrCat(dir, "/", newest, ".table")});
    ASSERT_EQ(dump.exit_code, 0) << dump.output.substr(0, 500);
    std::istringstream rows(dump.output);
    int64_t held = 0;
    for (std::string line; std::getline(rows, line); ++held) {
      ASSERT_EQ(sent.erase(line), 1u) << "twice, torn or never sent: " << line;
    }
    EXPECT_EQ(held, held_);
    EXPECT_EQ(sent.size(), lost_) << "what is missing was counted, to the row";
  }
  TableStats Stats() {
    grpc::ClientContext context;
    TableStats stats;
    EXPECT_OK(FromGrpc(Connect()->GetStats(&context, GetStatsRequest(), &stats)));
    return stats;
  }

  std::optional<ChildProcess> replay_;
  std::unique_ptr<RpcTransitionWriter> writer_;
  std::thread thread_;
  std::atomic<bool> stop_{false};
  int64_t held_ = 0;
  uint64_t lost_ = 0;
};

// PMOE_KILLS=200 for as many.
int Kills() {
  const char* const kills = std::getenv("PMOE_KILLS");
  return kills == nullptr ? 4 : std::max(1, std::atoi(kills));
}

TEST_F(DurabilityTest, WithWalNothingThatWasAcknowledgedIsLost) {
  Rng rng(1, RngRole::kReplay, 5);
  StartLearner();
  Serve(DURABILITY_WAL);
  StartWriter();
  for (int i = 0; i < Kills(); ++i) {
    const uint64_t acked = LiveAndKill(&rng, std::chrono::milliseconds(0)).second;
    Serve(DURABILITY_WAL);
    EXPECT_GE(held_, static_cast<int64_t>(acked));
  }
  CheckRows();
  EXPECT_EQ(lost_, 0u);
}

TEST_F(DurabilityTest, WithAsyncWhatWasAcknowledgedASecondAgoIsThere) {
  Rng rng(2, RngRole::kReplay, 5);
  StartLearner();
  Serve(DURABILITY_ASYNC);
  StartWriter();
  uint64_t lost_before = 0;
  for (int i = 0; i < Kills(); ++i) {
    const uint64_t acked = LiveAndKill(&rng, std::chrono::milliseconds(1000)).first;
    Serve(DURABILITY_ASYNC);
    EXPECT_GE(held_ + static_cast<int64_t>(lost_before), static_cast<int64_t>(acked));
    if (i % 2 == 0) {
      ASSERT_OK(Checkpoint(Connect().get(), absl::StrCat("number-", i)));
    }
    ASSERT_TRUE(Eventually([&] { return Stats().inserted() > held_; }));
    lost_before = static_cast<uint64_t>(Stats().rows_lost());
  }
  CheckRows();
}

TEST_F(DurabilityTest, WithoutAllAfterTheLastCheckpointIsLostAndCountedToTheRow) {
  Rng rng(3, RngRole::kReplay, 5);
  StartLearner();
  Serve(DURABILITY_NONE);
  StartWriter();
  for (int i = 0; i < std::max(2, Kills() / 2); ++i) {
    LiveAndKill(&rng, std::chrono::milliseconds(0));
    Serve(DURABILITY_NONE);
    EXPECT_EQ(held_ > 0, i > 0) << "no table was saved before the first kill";
    ASSERT_TRUE(Eventually([&] { return Stats().inserted() > held_; }));
    ASSERT_OK(Checkpoint(Connect().get(), absl::StrCat("number-", i)));
    EXPECT_GT(Stats().rows_lost(), 0);
  }
  CheckRows();
  EXPECT_GT(lost_, 0u);
}

// A shard that is killed again and again before its log is long in any of its lives.
TEST(LogLengthTest, LivesThatWereKilledCountInTheLengthOfTheLog) {
  constexpr TableSpec kWide{.obs_dim = 2000, .action_dim = 1};  // half a megabyte a chunk
  TempDir folder;
  CreateTableRequest request = TableRequest();
  request.mutable_columns()->set_obs_dim(kWide.obs_dim);
  request.set_capacity(2 * kPageRows);
  request.set_durability(DURABILITY_ASYNC);
  int lives = 0, saved = 0;
  for (uint64_t seq = 0; lives < 8 && saved == 0; ++lives) {
    std::vector<std::string> warnings;
    TableHolder holder(folder.path());
    ASSERT_OK(holder.Create(request, &warnings));
    const auto restored = holder.Restore("newest", &warnings);
    ASSERT_OK(restored);
    ASSERT_OK(holder.StartLog(*restored));
    for (int i = 0; i < 6; ++i, ++seq) {  // 3 MiB of the 8 that make it long
      const ChunkPlan at{.seq = seq, .first_step = seq * kPageRows, .rows = kPageRows};
      ASSERT_OK(holder.Shard().value()->Insert(MakeChunk(kWide, at), std::chrono::milliseconds(0)));
    }
    holder.log()->AwaitOnDisk(holder.log()->end());
    if (!holder.LogIsLong()) continue;
    ASSERT_OK(holder.SaveAside());
    ++saved;
  }
  EXPECT_EQ(saved, 1);
  EXPECT_LE(lives, 4);
}

TEST(LogLengthTest, EndsInOrderLeaveOneTable) {
  TempDir folder;
  CreateTableRequest request = TableRequest();
  request.set_durability(DURABILITY_ASYNC);
  for (uint64_t life = 0; life < 4; ++life) {
    std::vector<std::string> warnings;
    TableHolder holder(folder.path());
    ASSERT_OK(holder.Create(request, &warnings));
    const auto restored = holder.Restore("newest", &warnings);
    ASSERT_OK(restored);
    ASSERT_OK(holder.StartLog(*restored));
    const ChunkPlan at{.seq = life, .first_step = life * 10, .rows = 10};
    ASSERT_OK(
        holder.Shard().value()->Insert(MakeChunk(kServedSpec, at), std::chrono::milliseconds(0)));
    ASSERT_OK(holder.SaveAtEnd());
    EXPECT_EQ(holder.Shard().value()->Stats().inserted, 10 * (static_cast<int64_t>(life) + 1));
  }
  EXPECT_THAT(TableFiles(folder.path()).NewestFirst().value(), ::testing::SizeIs(1));
}

// Where nobody saves a named table again (checkpoint.every_steps=0) its log grew for ever.
TEST(LogLengthTest, TheLogIsCutBehindTheShardsOwnSavesHoweverOldAnotherTableIs) {
  constexpr TableSpec kWide{.obs_dim = 2000, .action_dim = 1};  // half a megabyte a chunk
  constexpr int64_t kMiB = 1 << 20;
  TempDir folder;
  CreateTableRequest request = TableRequest();
  request.mutable_columns()->set_obs_dim(kWide.obs_dim);
  request.set_capacity(2 * kPageRows);
  request.set_durability(DURABILITY_ASYNC);
  std::vector<std::string> warnings;
  const auto rows = [&](uint64_t seq) {
    return MakeChunk(kWide, {.seq = seq, .first_step = seq * kPageRows, .rows = kPageRows});
  };
  uint64_t seq = 0;
  {
    TableHolder holder(folder.path());
    ASSERT_OK(holder.Create(request, &warnings));
    ASSERT_OK(holder.StartLog(""));
    ASSERT_OK(holder.Shard().value()->Insert(rows(seq++), std::chrono::milliseconds(0)));
    ASSERT_OK(holder.Save("first", {}));
    int64_t longest = 0;
    while (holder.log()->stats().bytes < 64 * kMiB) {
      ASSERT_OK(holder.Shard().value()->Insert(rows(seq++), std::chrono::milliseconds(0)));
      holder.log()->AwaitOnDisk(holder.log()->end());
      if (holder.LogIsLong()) {
        ASSERT_OK(holder.SaveAside());
      }
      longest = std::max(longest, *LogBytes(folder.path()));
    }
    EXPECT_LT(longest, 3 * 8 * kMiB + 2 * kMiB);  // of 8 MiB, the least, for so small a table
  }
  const auto restore = [&] {
    warnings.clear();
    TableHolder holder(folder.path());
    EXPECT_OK(holder.Create(request, &warnings));
    const auto restored = holder.Restore("newest", &warnings);
    EXPECT_OK(restored);
    EXPECT_OK(holder.StartLog(restored.value_or("")));
    return holder.shard()->Stats().inserted;
  };
  EXPECT_EQ(restore(), static_cast<int64_t>(seq * kPageRows));
  // The other table has no log behind it any more, which is said.
  for (const auto& file : std::filesystem::directory_iterator(folder.path())) {
    if (file.path().filename().string().starts_with("aside-")) std::filesystem::remove(file);
  }
  EXPECT_EQ(restore(), kPageRows);
  EXPECT_THAT(absl::StrJoin(warnings, " "), ::testing::HasSubstr("are not there"));
}

}  // namespace
}  // namespace pmoe
