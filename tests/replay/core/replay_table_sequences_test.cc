// Sequences of a table, case by case; replay_table_model_test.cc has the lives that nobody planned.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "common/base/bytes.h"
#include "replay/core/replay_table.h"
#include "replay/core/sequence.h"
#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

constexpr TableSpec kSpec{.obs_dim = 1, .action_dim = 1};
constexpr float kGamma = 0.75f;

ReplayTable NewTable(ReplayTableOptions options = {}) {
  options.gamma = kGamma;
  auto table = ReplayTable::Create(kSpec, options);
  EXPECT_OK(table);
  return *std::move(table);
}

// Whatever sequence was here before.
Minibatch NewBatch(int size, int sequence_rows) {
  Minibatch batch(kSpec, {size, sequence_rows});
  const auto rows = static_cast<size_t>(batch.rows());
  for (float* const column :
       {batch.obs(), batch.action(), batch.reward(), batch.discount(), batch.next_obs()}) {
    std::fill_n(column, rows, 77.0f);
  }
  std::fill_n(batch.policy_version(), rows, 77u);
  std::fill_n(batch.flags(), rows, uint8_t{77});
  std::fill_n(batch.length(), static_cast<size_t>(size), 77u);
  return batch;
}

// The table's rows from the oldest on: a sequence from each.
Minibatch Sequences(ReplayTable* table, int size, int sequence_rows) {
  Minibatch batch = NewBatch(size, sequence_rows);
  Rng rng(1, RngRole::kReplay, 0);
  EXPECT_OK(table->Sample(&rng, &batch));
  EXPECT_OK(CheckSequences(batch, 0, size));
  return batch;
}

template <typename T>
std::vector<T> Of(const T* column, int sequence, int rows) {
  return {column + sequence * rows, column + (sequence + 1) * rows};
}

class ReplayTableSequencesTest : public ::testing::Test {
 protected:
  void Append(ChunkPlan plan) {
    plan.seq = seq_[plan.actor]++;
    ASSERT_OK(table_.Append(MakeChunk(kSpec, plan)));
  }

  ReplayTable table_ = NewTable({.age = RowAge::kOldest});
  std::map<uint32_t, uint64_t> seq_;
};

TEST_F(ReplayTableSequencesTest, RowsFollowOneAnotherInEveryColumn) {
  Append({.first_step = 10, .rows = 5});
  const Minibatch batch = Sequences(&table_, 2, 3);
  EXPECT_EQ(Of(batch.obs(), 0, 3), (std::vector<float>{10, 11, 12}));
  EXPECT_EQ(Of(batch.next_obs(), 0, 3), (std::vector<float>{11, 12, 13}));
  EXPECT_EQ(Of(batch.action(), 0, 3), (std::vector<float>{-10, -11, -12}));
  EXPECT_EQ(Of(batch.reward(), 0, 3), (std::vector<float>{10, 11, 12}));
  EXPECT_EQ(Of(batch.discount(), 0, 3), std::vector<float>(3, kGamma));
  EXPECT_EQ(Of(batch.policy_version(), 0, 3), (std::vector<uint32_t>{10, 11, 12}));
  EXPECT_EQ(Of(batch.flags(), 0, 3), (std::vector<uint8_t>{0, 0, 0})) << "the stream goes on";
  EXPECT_EQ(Of(batch.obs(), 1, 3), (std::vector<float>{11, 12, 13}));
  EXPECT_EQ(Of(batch.length(), 0, 2), (std::vector<uint32_t>{3, 3}));
}

TEST_F(ReplayTableSequencesTest, TheNewestRowEndsOneAndZerosFillItUp) {
  Append({.first_step = 10, .rows = 2});
  const Minibatch batch = Sequences(&table_, 2, 4);
  EXPECT_EQ(Of(batch.length(), 0, 2), (std::vector<uint32_t>{2, 1}));
  EXPECT_EQ(Of(batch.obs(), 0, 4), (std::vector<float>{10, 11, 0, 0}));
  EXPECT_EQ(Of(batch.next_obs(), 0, 4), (std::vector<float>{11, 12, 0, 0}));
  EXPECT_EQ(Of(batch.discount(), 0, 4), (std::vector<float>{kGamma, kGamma, 0, 0}));
  EXPECT_EQ(Of(batch.flags(), 0, 4), (std::vector<uint8_t>{0, kSequenceCut, 0, 0}));
  EXPECT_EQ(batch.given_rows(), 3);
}

TEST_F(ReplayTableSequencesTest, AnEpisodesEndIsNeverCrossedAndSaysItsKind) {
  Append({.first_step = 10, .rows = 3, .terminated = true});
  Append({.first_step = 13, .rows = 3, .truncated = true});
  Append({.first_step = 16, .rows = 1, .terminated = true, .truncated = true});
  Append({.first_step = 17, .rows = 9});
  const Minibatch batch = Sequences(&table_, 7, 3);
  EXPECT_EQ(Of(batch.length(), 0, 7), (std::vector<uint32_t>{3, 2, 1, 3, 2, 1, 1}));
  EXPECT_EQ(Of(batch.flags(), 0, 3), (std::vector<uint8_t>{0, 0, kSequenceTerminated}));
  EXPECT_EQ(Of(batch.discount(), 0, 3), (std::vector<float>{kGamma, kGamma, 0}));
  EXPECT_EQ(Of(batch.next_obs(), 1, 3), (std::vector<float>{12, 13, 0}));
  EXPECT_EQ(Of(batch.flags(), 3, 3), (std::vector<uint8_t>{0, 0, kSequenceTruncated}));
  EXPECT_EQ(Of(batch.discount(), 3, 3), std::vector<float>(3, kGamma));
  EXPECT_EQ(batch.flags()[6 * 3], kSequenceTerminated | kSequenceTruncated);
  EXPECT_EQ(batch.discount()[6 * 3], 0.0f);
}

TEST_F(ReplayTableSequencesTest, ACutAndAGapEndOne) {
  Append({.first_step = 0, .rows = 2});
  table_.CutActor(0, 0);
  Append({.first_step = 2, .rows = 2});
  Append({.first_step = 9, .rows = 2});  // steps between are lost
  const Minibatch batch = Sequences(&table_, 6, 5);
  EXPECT_EQ(Of(batch.length(), 0, 6), (std::vector<uint32_t>{2, 1, 2, 1, 2, 1}));
  EXPECT_EQ(Of(batch.flags(), 2, 5), (std::vector<uint8_t>{0, kSequenceCut, 0, 0, 0}));
}

TEST_F(ReplayTableSequencesTest, EnvironmentsDoNotMixAndPagesAreNoBorders) {
  for (uint64_t step = 0; step < 200; step += 8) {
    for (const uint32_t env : {0u, 1u}) Append({.env = env, .first_step = step, .rows = 8});
  }
  const Minibatch batch = Sequences(&table_, 400, 150);
  for (int i = 0; i < 400; ++i) {
    const auto length = static_cast<int>(batch.length()[i]);
    const float* const obs = batch.obs() + i * 150;
    for (int t = 1; t < length; ++t) ASSERT_EQ(obs[t], obs[0] + static_cast<float>(t));
    const auto step = static_cast<int>(obs[0]) % 100'000;
    ASSERT_EQ(length, std::min(150, 200 - step));
  }
}

TEST_F(ReplayTableSequencesTest, TheirFirstRowsAreTheRowsThatTheSeedDraws) {
  ReplayTable uniform = NewTable();
  ASSERT_OK(uniform.Append(MakeChunk(kSpec, {.rows = 60})));
  ASSERT_OK(uniform.Append(MakeChunk(kSpec, {.seq = 1, .first_step = 60, .rows = 60})));
  Rng rng(5, RngRole::kReplay, 0);
  Rng same = rng;
  Minibatch rows(kSpec, 32), one = NewBatch(32, 1), many = NewBatch(32, 9);
  ASSERT_OK(uniform.Sample(&rng, &rows));
  ASSERT_OK(uniform.Sample(&same, &one));
  const std::string plain = BatchBytes(&rows);
  EXPECT_EQ(BatchBytes(&one).substr(0, plain.size()), plain) << "sequences of one row are the rows";
  ASSERT_OK(uniform.Sample(&rng, &rows));
  ASSERT_OK(uniform.Sample(&same, &many));
  for (int i = 0; i < 32; ++i) EXPECT_EQ(many.obs()[i * 9], rows.obs()[i]);
}

TEST_F(ReplayTableSequencesTest, OfATableOfNStepsTheyHaveEachRowsOwnReward) {
  ReplayTable table = NewTable({.n_step = 3, .age = RowAge::kOldest});
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.first_step = 1, .rows = 5})));
  const Minibatch batch = Sequences(&table, 3, 5);
  EXPECT_EQ(table.eligible(), 3) << "rows whose n rewards are not known begin none";
  EXPECT_EQ(Of(batch.reward(), 0, 5), (std::vector<float>{1, 2, 3, 4, 5})) << "but are in them";
  EXPECT_EQ(Of(batch.discount(), 0, 5), std::vector<float>(5, kGamma));
}

TEST_F(ReplayTableSequencesTest, OnlyTheFirstRowCountsAsGivenAndASpentOneEndsThem) {
  ReplayTable table = NewTable({.age = RowAge::kOldest, .max_times_sampled = 1});
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.rows = 10})));
  Minibatch batch = Sequences(&table, 4, 8);
  EXPECT_EQ(Of(batch.length(), 0, 4), (std::vector<uint32_t>{8, 8, 8, 7}));
  EXPECT_EQ(table.size(), 6);
  ReplayTable newest = NewTable({.age = RowAge::kNewest, .max_times_sampled = 1});
  ASSERT_OK(newest.Append(MakeChunk(kSpec, {.rows = 10})));
  batch = Sequences(&newest, 4, 8);
  EXPECT_EQ(Of(batch.length(), 0, 4), (std::vector<uint32_t>{1, 2, 3, 4}));
  batch = Sequences(&newest, 2, 8);
  EXPECT_EQ(Of(batch.length(), 0, 2), (std::vector<uint32_t>{1, 2})) << "behind them rows are gone";
  EXPECT_EQ(batch.flags()[0], kSequenceCut);
}

TEST_F(ReplayTableSequencesTest, ATableOfRolloutsGivesNone) {
  ReplayTable table = NewTable({.fifo = FifoOptions{.rollout_steps = 4}});
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.rows = 8})));
  Minibatch batch = NewBatch(2, 3);
  Rng rng(1, RngRole::kReplay, 0);
  EXPECT_THAT(table.Sample(&rng, &batch),
              FailsWith(absl::StatusCode::kFailedPrecondition, "taken once, with TakeRollout"));
}

// A file that is whole, but whose page leads on to another environment's.
TEST_F(ReplayTableSequencesTest, AFileWhosePagesLeadToAnotherStreamIsRefused) {
  TempDir folder;
  // Pages 0 and 2 are of one environment, 1 and 3 of the other.
  for (const uint32_t env : {0u, 1u}) Append({.env = env, .rows = 40});
  for (const uint32_t env : {0u, 1u}) Append({.env = env, .first_step = 40, .rows = 40});
  const TableSave saved = table_.BeginSave();
  std::vector<std::string> pages;
  {
    auto writer = BlockFileWriter::Create(folder.File("good"));
    for (CopiedPages some; table_.NextPages(&some);) {
      ASSERT_OK(ReplayTable::WritePages(kSpec, some, writer->get()));
    }
    table_.EndSave();
    ASSERT_OK((*writer)->Finish());
    auto reader = BlockFileReader::Open(folder.File("good"));
    ASSERT_OK(reader);
    for (auto block = (*reader)->Next(); block.ok() && block->type == kPageBlock;
         block = (*reader)->Next()) {
      pages.emplace_back(block->payload);
    }
  }
  const auto load = [&] {
    auto writer = BlockFileWriter::Create(folder.File("changed"));
    EXPECT_OK((*writer)->Write(kTableBlock, {saved.index}));
    for (const std::string& page : pages) EXPECT_OK((*writer)->Write(kPageBlock, {page}));
    EXPECT_OK((*writer)->Finish());
    auto file = BlockFileReader::Open(folder.File("changed"));
    EXPECT_OK(file);
    return NewTable().Load(file->get(), StreamBook(), RowRules()).status();
  };
  ASSERT_EQ(pages.size(), 4u);
  EXPECT_OK(load());
  constexpr size_t kNext = 12;  // where a page says which slot follows
  for (size_t i = 0; i < 4; ++i) std::swap(pages[0][kNext + i], pages[1][kNext + i]);
  EXPECT_THAT(load(), FailsWith(absl::StatusCode::kDataLoss, "do not fit together"));
}

}  // namespace
}  // namespace pmoe
