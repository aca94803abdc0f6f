// kill -9 of a shard's process under the writers of two tables: with wal nothing that was
// acknowledged is lost of either, and no row is in the other's.
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "replay/client/rpc_writer.h"
#include "replay/core/replay_table.h"
#include "replay/service/table_files.h"
#include "tests/replay/service/process_testing.h"
#include "tests/testing/eventually.h"

namespace pmoe {
namespace {

// A writer that never stops, and the rows of its table.
class SideWriter {
 public:
  SideWriter(const RpcAddress& address, const std::string& table, float mark) : mark_(mark) {
    RpcWriterOptions options;
    options.chunks.envs = 1;
    options.run_id = "run-a";
    options.seat_signature = SeatSignature(0, 0);
    options.spec = kServedSpec;
    options.table = table;
    auto writer = RpcTransitionWriter::Create(options, address);
    EXPECT_OK(writer);
    writer_ = *std::move(writer);
    thread_ = std::thread([this] { WriteOn(); });
  }
  ~SideWriter() { Stop(); }
  uint64_t acked() const { return writer_->stats().rows_acked; }
  void Stop() {
    if (!thread_.joinable()) return;
    stop_ = true;
    thread_.join();
    EXPECT_OK(writer_->Close(kCallMax));
  }

 private:
  void WriteOn() {
    for (uint64_t step = 0; !stop_; ++step) {
      if (step % kPageRows == 0) Clock::Real()->Sleep(std::chrono::milliseconds(1));
      const float obs[] = {static_cast<float>(step), mark_};
      const float next[] = {static_cast<float>(step + 1), mark_};
      EXPECT_OK(writer_->Write(0, {.obs = obs, .action = {&mark_, 1}, .next_obs = next}));
    }
  }

  const float mark_;  // in each of its rows
  std::unique_ptr<RpcTransitionWriter> writer_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

class TwoTablesTest : public ReplayProcessTest {
 protected:
  void Serve() {
    replay_.emplace(Command("unix:" + folder_.File("replay")));
    ASSERT_TRUE(replay_->ReadUntil("listening"));
    run_.NextReport();
    for (const char* name : kNames) {
      CreateTableRequest request = TableRequest();
      request.set_capacity(100'000'000);  // nothing is evicted, however many kills
      request.set_restore("newest");
      request.set_durability(DURABILITY_WAL);
      request.set_table(name);
      ASSERT_OK(CreateTable(Connect().get(), request));
    }
  }
  void StartWriters() {
    const auto address = ParseRpcAddress("unix:" + folder_.File("replay"), "--listen");
    ASSERT_OK(address);
    for (int t = 0; t < 2; ++t) {
      writers_[t] = std::make_unique<SideWriter>(*address, kNames[t], static_cast<float>(t));
    }
  }
  // After each writer has got on.
  void Kill() {
    const uint64_t before[] = {writers_[0]->acked(), writers_[1]->acked()};
    ASSERT_TRUE(Eventually([&] {
      return writers_[0]->acked() > before[0] + kPageRows &&
             writers_[1]->acked() > before[1] + kPageRows;
    }));
    replay_->Signal(SIGKILL);
    replay_->Wait();
  }
  TableStats Stats(const std::string& table) {
    grpc::ClientContext context;
    SetDeadline(&context, kCallMax);
    GetStatsRequest request;
    request.set_table(table);
    TableStats stats;
    EXPECT_OK(FromGrpc(Connect()->GetStats(&context, request, &stats)));
    return stats;
  }
  // Every row held is the table's own writer's, each once and in order.
  void CheckRows(const std::string& folder, int t, int64_t held) {
    const std::string dir = folder_.File(folder);
    const std::string newest = TableFiles(dir).NewestFirst().value().at(0).name;
    const auto table = ReplayTable::FromFile(absl::StrCat(dir, "/", newest, ".table"));
    ASSERT_OK(table);
    uint64_t step = 0;
    table->VisitSteps([&](const StoredStep& row) {
      EXPECT_EQ(row.step, step++);
      EXPECT_EQ(row.transition.action[0], static_cast<float>(t)) << "of the other table";
    });
    EXPECT_EQ(static_cast<int64_t>(step), held);
  }

  static constexpr const char* kNames[] = {"", "beside"};
  std::optional<ChildProcess> replay_;
  std::unique_ptr<SideWriter> writers_[2];
};

// PMOE_KILLS=200 for as many.
int Kills() {
  const char* const kills = std::getenv("PMOE_KILLS");
  return kills == nullptr ? 4 : std::max(1, std::atoi(kills));
}

TEST_F(TwoTablesTest, WithWalNothingThatWasAcknowledgedIsLostOfEither) {
  StartLearner();
  Serve();
  StartWriters();
  for (int kill = 0; kill < Kills(); ++kill) {
    Kill();
    const uint64_t acked[] = {writers_[0]->acked(), writers_[1]->acked()};
    Serve();
    for (int t = 0; t < 2; ++t) {
      EXPECT_GE(Stats(kNames[t]).inserted(), static_cast<int64_t>(acked[t])) << kNames[t];
      EXPECT_EQ(Stats(kNames[t]).rows_lost(), 0) << kNames[t];
    }
    // The one has a checkpoint then, the other nothing but its log.
    if (kill % 2 == 0) {
      ASSERT_OK(Checkpoint(Connect().get(), absl::StrCat("number-", kill)));
    }
  }
  for (const auto& writer : writers_) writer->Stop();
  const int64_t held[] = {Stats("").inserted(), Stats("beside").inserted()};
  replay_->Signal(SIGTERM);
  EXPECT_EQ(replay_->Wait().exit_code, 0);
  CheckRows("tables", 0, held[0]);
  CheckRows("tables/tables/beside", 1, held[1]);
  const auto verified = RunProcess({Binary("pmoe-replay"), "verify", folder_.File("tables")});
  EXPECT_EQ(verified.exit_code, 0) << verified.output;
  EXPECT_THAT(verified.output, ::testing::HasSubstr("table beside:\n"));
}

}  // namespace
}  // namespace pmoe
