// The table against a plain model under thousands of random appends, episode ends, gaps, epochs,
// lost actors, evictions, reloads and samples.
// tidy: long because tables of every kind live the same life.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "replay/core/replay_table.h"
#include "tests/replay/core/model_table.h"
#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

constexpr TableSpec kSpec{.obs_dim = 3, .action_dim = 2, .extra_dim = 1};
constexpr int kActors = 3;
constexpr int kEnvs = 3;

std::string FileOf(const ReplayTable& table, const std::string& path) {
  auto writer = BlockFileWriter::Create(path);
  const TableSave saved = table.BeginSave();
  EXPECT_OK((*writer)->Write(kTableBlock, {saved.index}));
  for (CopiedPages pages; table.NextPages(&pages);) {
    EXPECT_OK(ReplayTable::WritePages(kSpec, pages, writer->get()));
  }
  table.EndSave();
  if (!saved.selector.empty()) {
    EXPECT_OK((*writer)->Write(kSelectorBlock, {saved.selector}));
  }
  EXPECT_OK((*writer)->Finish());
  return *ReadFile(path);
}

enum class Choice { kUniform, kPrioritized, kNewest, kOldest };

// One random life of a table beside its model.
class Life {
 public:
  // limited: rows are spent after a few times. sequences: minibatches are of those.
  explicit Life(uint64_t seed, Choice choice = Choice::kUniform, bool limited = false,
                bool sequences = false)
      : sequences_(sequences),
        rng_(seed, RngRole::kActor, 0),
        sampling_(seed, RngRole::kReplay, 0),
        options_(RandomOptions(&rng_, choice, limited)),
        table_(*ReplayTable::Create(kSpec, options_)),
        model_(options_.capacity, options_.bytes_max / kPageBytes, options_.n_step, options_.gamma,
               limited) {}

  void Step() {
    const uint32_t actor = Pick(kActors);
    const uint32_t env = Pick(kEnvs);
    const uint64_t dice = rng_.UniformInt(1000);
    if (dice < 5) {
      table_.CutActor(0, actor);
      if (twin_.has_value()) twin_->CutActor(0, actor);
      model_.CutActor(actor);
      NoteAges();
    } else if (dice < 15) {
      // The table learns of an epoch with its first chunk.
      ++epochs_[actor];
      model_.CutActor(actor);
      NoteAges();
      Append(actor, env, /*gap=*/false);
    } else if (dice < 50) {
      ExpectRefusals(actor, env);
    } else {
      Append(actor, env, /*gap=*/dice < 70);
    }
    ASSERT_EQ(table_.size(), model_.Size());
    ASSERT_EQ(table_.bytes(), model_.pages() * kPageBytes);
    ASSERT_EQ(table_.inserted(), model_.inserted());
    ASSERT_LE(table_.size(), options_.capacity);
  }

  void ExpectSamplesExact() {
    ASSERT_EQ(table_.eligible(), static_cast<int64_t>(model_.EligibleIds().size()));
    Minibatch batch = NewBatch(32);
    const absl::Status status = table_.Sample(&sampling_, &batch);
    if (table_.eligible() == 0) {
      EXPECT_TRUE(absl::IsFailedPrecondition(status));
      return;
    }
    ASSERT_OK(status);
    for (int b = 0; b < batch.size(); ++b) ExpectExact(&batch, b);
  }

  // Of rows by age those of a naive list's end, and each row at most as often as it may be given.
  void ExpectSamples() {
    const std::vector<float> ids = model_.EligibleIds();
    ASSERT_EQ(table_.eligible(), static_cast<int64_t>(ids.size()));
    const std::set<float> here(ids.begin(), ids.end());
    std::erase_if(by_age_, [&](float id) { return !here.contains(id); });
    ASSERT_EQ(by_age_.size(), ids.size());
    Minibatch batch = NewBatch(1 + static_cast<int>(Pick(300)));
    const auto rows = static_cast<size_t>(batch.size());
    size_t left = options_.age.has_value() || !limited() ? ids.size() : 0;
    for (const float id : ids) {
      left += options_.age.has_value()
                  ? 0
                  : static_cast<size_t>(options_.max_times_sampled - given_[id]);
    }
    const absl::Status status = SampleBoth(&batch);
    if (rows > left) {
      EXPECT_THAT(status, FailsWith(absl::StatusCode::kFailedPrecondition,
                                    options_.age.has_value()
                                        ? absl::StrCat(ids.size(), " rows can be given")
                                        : absl::StrCat("can be given ", left, " times in all")));
      return;
    }
    ASSERT_OK(status);
    for (size_t b = 0; b < rows; ++b) {
      ExpectExact(&batch, static_cast<int>(b));
      if (!options_.age.has_value()) continue;
      const bool newest = options_.age == RowAge::kNewest;
      ASSERT_EQ(IdOf(batch, static_cast<int>(b)), by_age_[newest ? by_age_.size() - 1 - b : b])
          << b;
    }
    Count(&batch);
  }

  // What a learner would do: some rows are drawn, and errors found in them and in some that were
  // drawn before. The weights must be those of the model's priorities.
  void Learn() {
    const std::vector<float> ids = model_.EligibleIds();
    for (const float id : ids) priorities_.try_emplace(id, newest_);
    if (ids.empty()) return;
    Minibatch batch = NewBatch(32);
    ASSERT_OK(table_.Sample(&sampling_, &batch));
    const auto p = [&](int b) { return priorities_.at(IdOf(batch, b)); };
    double least = p(0);
    for (int b = 0; b < batch.size(); ++b) least = std::min(least, p(b));
    for (int b = 0; b < batch.size(); ++b) {
      ExpectExact(&batch, b);
      const double beta = options_.priority->BetaAt(model_.inserted());
      EXPECT_NEAR(batch.weight()[b], std::pow(least / p(b), beta), 1e-5);
      drawn_.push_back({IdOf(batch, b), batch.key()[b]});
    }
    const std::set<float> here(ids.begin(), ids.end());
    std::vector<RowKey> keys;
    std::vector<float> errors;
    int64_t gone = 0;
    for (int i = 0; i < 40; ++i) {
      const auto& [id, key] = drawn_[rng_.UniformInt(drawn_.size())];
      keys.push_back(key);
      errors.push_back(8.0f * rng_.UniformFloat());
      gone += here.contains(id) ? 0 : 1;
      if (!here.contains(id)) continue;
      priorities_[id] = std::pow(errors.back() + 1e-6, options_.priority->alpha);
      newest_ = std::max(newest_, priorities_[id]);
    }
    EXPECT_EQ(table_.UpdatePriorities(keys, errors), gone);
    if (twin_.has_value()) {
      EXPECT_EQ(twin_->UpdatePriorities(keys, errors), gone);
    }
  }

  // Pearson's chi-square of the draws over the eligible rows, as a standard normal deviate
  // (Wilson-Hilferty).
  double UniformityDeviate() {
    const std::vector<float> ids = model_.EligibleIds();
    if (ids.size() < 2) return 0.0;
    std::map<float, int> counts;
    Minibatch batch(kSpec, 256);
    const int batches = static_cast<int>(1 + ids.size() * 20 / 256);
    for (int i = 0; i < batches; ++i) {
      EXPECT_OK(table_.Sample(&sampling_, &batch));
      for (int b = 0; b < batch.size(); ++b) ++counts[batch.obs()[b * 3]];
    }
    const double expected = 256.0 * batches / static_cast<double>(ids.size());
    double chi2 = 0.0;
    for (const float id : ids) {
      const auto it = counts.find(id);
      const double d = (it == counts.end() ? 0.0 : it->second) - expected;
      chi2 += d * d / expected;
    }
    const double dof = static_cast<double>(ids.size()) - 1.0;
    const double v = 2.0 / (9.0 * dof);
    return (std::cbrt(chi2 / dof) - (1.0 - v)) / std::sqrt(v);
  }

  // Sends a copy through a file. From then on the copy lives the same life beside the table, and
  // the next call finds them equal in every byte: rows, slots and free list.
  void Reload(const std::string& path) {
    const std::string bytes = FileOf(table_, path);
    if (twin_.has_value()) {
      ASSERT_TRUE(bytes == FileOf(*twin_, path));
    }
    auto reader = BlockFileReader::Open(path);
    ASSERT_OK(reader);
    twin_.emplace(*ReplayTable::Create(kSpec, options_));
    const auto loaded = twin_->Load(reader->get(), StreamBook(), RowRules());
    ASSERT_OK(loaded);
    ASSERT_EQ(loaded->next.type, kEndBlock);
    if (!table_.selector().CanSelect({.rows = 64})) return;
    Rng rng = sampling_;
    Minibatch ours = NewBatch(64);
    Minibatch theirs = Like(ours);
    ASSERT_OK(table_.Sample(&sampling_, &ours));
    ASSERT_OK(twin_->Sample(&rng, &theirs));
    ASSERT_EQ(BatchBytes(&ours), BatchBytes(&theirs));
    Count(&ours);
  }

 private:
  static constexpr int64_t kPageBytes = 64 * 4 * (3 + 2 + 1 + 3);

  bool limited() const { return options_.max_times_sampled > 0; }

  Minibatch NewBatch(int size) {
    const int rows = sequences_ ? 1 + static_cast<int>(Pick(Pick(2) == 0 ? 8 : 200)) : 0;
    return {kSpec, BatchShape{size, rows, options_.priority.has_value()}};
  }
  static Minibatch Like(const Minibatch& batch) {
    return {kSpec, BatchShape{batch.size(), batch.sequence_rows(), batch.prioritized()}};
  }
  static float IdOf(const Minibatch& batch, int b) {
    return batch.obs()[b * batch.rows_each() * 3];
  }
  void ExpectExact(Minibatch* batch, int b) const {
    sequences_ ? model_.ExpectExactSequence(*batch, b) : model_.ExpectExact(batch, b);
  }

  void Count(Minibatch* batch) {
    if (!limited()) return;
    std::vector<float> spent;
    for (int b = 0; b < batch->size(); ++b) {
      const float id = IdOf(*batch, b);
      ASSERT_LE(++given_[id], options_.max_times_sampled);
      if (given_[id] == options_.max_times_sampled) spent.push_back(id);
    }
    model_.Spend(spent);
  }

  static ReplayTableOptions RandomOptions(Rng* rng, Choice choice, bool limited) {
    const int64_t least = 2 * 64 * kActors * kEnvs;
    ReplayTableOptions options;
    options.capacity = least + static_cast<int64_t>(rng->UniformInt(2000));
    options.n_step = 1 + static_cast<int>(rng->UniformInt(rng->NextU32() % 2 == 0 ? 1 : 8));
    options.gamma = 0.5 + 0.5 * rng->Uniform();
    if (rng->NextU32() % 3 == 0) {
      options.bytes_max =
          kPageBytes * static_cast<int64_t>(2 * kActors * kEnvs + rng->UniformInt(30));
    }
    if (choice == Choice::kPrioritized) {
      options.priority = {.alpha = rng->Uniform(), .beta_rows = 5000};
    }
    if (choice == Choice::kNewest) options.age = RowAge::kNewest;
    if (choice == Choice::kOldest) options.age = RowAge::kOldest;
    if (limited) options.max_times_sampled = 1 + static_cast<int>(rng->UniformInt(4));
    return options;
  }

  void NoteAges() {
    const std::vector<float> ids = model_.NewlyEligible();
    by_age_.insert(by_age_.end(), ids.begin(), ids.end());
  }

  // The twin gives the same.
  absl::Status SampleBoth(Minibatch* batch) {
    Rng rng = sampling_;
    const absl::Status status = table_.Sample(&sampling_, batch);
    if (!twin_.has_value()) return status;
    Minibatch theirs = Like(*batch);
    EXPECT_EQ(twin_->Sample(&rng, &theirs), status);
    if (status.ok()) {
      EXPECT_EQ(BatchBytes(batch), BatchBytes(&theirs));
    }
    return status;
  }
  uint32_t Pick(uint32_t n) { return static_cast<uint32_t>(rng_.UniformInt(n)); }

  Chunk RandomChunk(uint32_t actor, uint32_t env, bool gap) {
    const ModelStream& s = model_.stream(actor, env);
    ChunkPlan plan{.actor = actor, .epoch = epochs_[actor], .env = env, .first_step = s.next_step};
    if (gap) plan.first_step += 1 + Pick(5);
    plan.rows = 1 + Pick(rng_.NextU32() % 4 == 0 ? 64 : 9);
    const uint32_t end = Pick(6);
    plan.terminated = end == 0;
    plan.truncated = end == 1;
    Chunk chunk = MakeChunk(kSpec, plan);
    for (float& x : chunk.observations) x = rng_.Normal();
    for (size_t i = 0; i <= plan.rows; ++i) chunk.observations[i * 3] = next_id_++;
    if (s.known && s.in_episode && !gap) {
      std::copy_n(s.head.begin(), 3, chunk.observations.begin());
    }
    for (float& x : chunk.actions) x = rng_.Normal();
    for (float& x : chunk.rewards) x = rng_.Normal();
    for (uint32_t& x : chunk.policy_version) x = rng_.NextU32();
    return chunk;
  }

  void Append(uint32_t actor, uint32_t env, bool gap) {
    const Chunk chunk = RandomChunk(actor, env, gap);
    ASSERT_OK(table_.Append(chunk));
    if (twin_.has_value()) {
      ASSERT_OK(twin_->Append(chunk));
    }
    model_.Append(actor, env, chunk);
    NoteAges();
  }

  // None of these may leave a trace.
  void ExpectRefusals(uint32_t actor, uint32_t env) {
    const ModelStream& s = model_.stream(actor, env);
    if (!s.known) return;
    Chunk chunk = RandomChunk(actor, env, /*gap=*/false);
    if (s.in_episode) {
      Chunk torn = chunk;
      torn.observations[2] += 1.0f;
      EXPECT_TRUE(absl::IsInvalidArgument(table_.Append(torn)));
    }
    Chunk again = chunk;
    again.first_step -= 1;
    EXPECT_TRUE(absl::IsAlreadyExists(table_.Append(again)));
    if (epochs_[actor] > 0) {
      Chunk stale = chunk;
      stale.epoch -= 1;
      EXPECT_TRUE(absl::IsFailedPrecondition(table_.Append(stale)));
    }
  }

  const bool sequences_;
  Rng rng_;
  Rng sampling_;
  const ReplayTableOptions options_;
  ReplayTable table_;
  std::optional<ReplayTable> twin_;
  ModelTable model_;
  std::map<uint32_t, uint32_t> epochs_;
  float next_id_ = 1.0f;
  std::map<float, double> priorities_;           // by id, of rows that can be or could be drawn
  std::vector<std::pair<float, RowKey>> drawn_;  // ever
  double newest_ = 1.0;
  std::vector<float> by_age_;   // ids of rows that could be given, oldest first
  std::map<float, int> given_;  // times, by id
};

TEST(ReplayTableModelTest, SizesAndSamplesAreTheModelsUnderRandomUse) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    Life life(seed);
    for (int i = 0; i < 1000; ++i) {
      life.Step();
      if (i % 25 == 0) life.ExpectSamplesExact();
      if (HasFailure()) return;
    }
  }
}

TEST(ReplayTableModelTest, DrawsEveryEligibleRowEquallyOften) {
  for (uint64_t seed = 100; seed < 115; ++seed) {
    SCOPED_TRACE(seed);
    Life life(seed);
    for (int i = 0; i < 600; ++i) life.Step();
    EXPECT_LT(std::abs(life.UniformityDeviate()), 4.5);
  }
}

TEST(ReplayTableModelTest, ACopyThroughAFileLivesTheSameLife) {
  TempDir folder;
  for (uint64_t seed = 200; seed < 210; ++seed) {
    SCOPED_TRACE(seed);
    Life life(seed);
    for (int i = 0; i < 400; ++i) {
      life.Step();
      if (i % 40 == 0) life.Reload(folder.File("table"));
      if (i % 25 == 0) life.ExpectSamplesExact();
      if (HasFailure()) return;
    }
  }
}

TEST(ReplayTableModelTest, PrioritiesAreTheModelsUnderRandomUseAndThroughFiles) {
  TempDir folder;
  for (uint64_t seed = 300; seed < 308; ++seed) {
    SCOPED_TRACE(seed);
    Life life(seed, Choice::kPrioritized);
    for (int i = 0; i < 400; ++i) {
      life.Step();
      life.Learn();
      if (i % 40 == 0) life.Reload(folder.File("table"));
      if (HasFailure()) return;
    }
  }
}

TEST(ReplayTableModelTest, RowsByAgeAreAListsEndUnderRandomUseAndThroughFiles) {
  TempDir folder;
  for (uint64_t seed = 400; seed < 416; ++seed) {
    SCOPED_TRACE(seed);
    Life life(seed, seed % 2 == 0 ? Choice::kNewest : Choice::kOldest);
    for (int i = 0; i < 400; ++i) {
      life.Step();
      if (i % 5 == 0) life.ExpectSamples();
      if (i % 40 == 0) life.Reload(folder.File("table"));
      if (HasFailure()) return;
    }
  }
}

TEST(ReplayTableModelTest, RowsAreSpentAfterSoManyTimesUnderRandomUseAndThroughFiles) {
  TempDir folder;
  for (uint64_t seed = 500; seed < 524; ++seed) {
    SCOPED_TRACE(seed);
    constexpr Choice kChoices[] = {Choice::kUniform, Choice::kNewest, Choice::kOldest};
    Life life(seed, kChoices[seed % 3], /*limited=*/true);
    for (int i = 0; i < 400; ++i) {
      life.Step();
      if (i % 2 == 0) life.ExpectSamples();
      if (i % 40 == 0) life.Reload(folder.File("table"));
      if (HasFailure()) return;
    }
  }
}

// Through files as well: a table that was restored gives the same.
TEST(ReplayTableModelTest, SequencesAreTheModelsWhateverChoosesTheirFirstRows) {
  TempDir folder;
  for (uint64_t seed = 600; seed < 618; ++seed) {
    SCOPED_TRACE(seed);
    constexpr Choice kChoices[] = {Choice::kUniform, Choice::kNewest, Choice::kOldest};
    const bool limited = seed % 2 == 0;
    Life life(seed, kChoices[seed % 3], limited, /*sequences=*/true);
    const bool drawn = kChoices[seed % 3] == Choice::kUniform && !limited;
    for (int i = 0; i < 400; ++i) {
      life.Step();
      if (i % 8 == 0) drawn ? life.ExpectSamplesExact() : life.ExpectSamples();
      if (i % 40 == 0) life.Reload(folder.File("table"));
      if (HasFailure()) return;
    }
  }
}

TEST(ReplayTableModelTest, SequencesByPriorityAreTheModelsAndWeighAsTheirFirstRows) {
  TempDir folder;
  for (uint64_t seed = 700; seed < 706; ++seed) {
    SCOPED_TRACE(seed);
    Life life(seed, Choice::kPrioritized, /*limited=*/false, /*sequences=*/true);
    for (int i = 0; i < 300; ++i) {
      life.Step();
      life.Learn();
      if (i % 40 == 0) life.Reload(folder.File("table"));
      if (HasFailure()) return;
    }
  }
}

// Rows of `streams` environments, `rounds` times `rows` of each in turn, cut into chunks by
// `next_cut`.
template <typename NextCut>
ReplayTable FillInRounds(int n_step, NextCut next_cut) {
  ReplayTable table = *ReplayTable::Create(kSpec, {.capacity = 900, .n_step = n_step});
  constexpr uint64_t kRows = 50;
  for (uint64_t start = 0; start < 20 * kRows; start += kRows) {
    for (uint32_t env = 0; env < 4; ++env) {
      for (uint64_t step = start; step < start + kRows;) {
        const uint64_t episode_end = step / 70 * 70 + 70;
        const uint64_t end = std::min({step + next_cut(), start + kRows, episode_end});
        EXPECT_OK(table.Append(MakeChunk(kSpec, {.env = env,
                                                 .first_step = step,
                                                 .rows = static_cast<uint32_t>(end - step),
                                                 .terminated = end == episode_end})));
        step = end;
      }
    }
  }
  return table;
}

TEST(ReplayTableModelTest, LayoutDoesNotDependOnChunkBoundaries) {
  TempDir folder;
  Rng rng(7, RngRole::kActor, 0);
  for (const int n_step : {1, 5}) {
    auto whole = FillInRounds(n_step, [] { return uint64_t{64}; });
    const auto single = FillInRounds(n_step, [] { return uint64_t{1}; });
    auto ragged = FillInRounds(n_step, [&rng] { return 1 + rng.UniformInt(20); });
    const std::string bytes = FileOf(whole, folder.File("table"));
    EXPECT_TRUE(bytes == FileOf(single, folder.File("table")));
    EXPECT_TRUE(bytes == FileOf(ragged, folder.File("table")));
    Rng rng_a(9, RngRole::kReplay, 0);
    Rng rng_b = rng_a;
    Minibatch a(kSpec, 256);
    Minibatch b(kSpec, 256);
    EXPECT_OK(whole.Sample(&rng_a, &a));
    EXPECT_OK(ragged.Sample(&rng_b, &b));
    EXPECT_EQ(BatchBytes(&a), BatchBytes(&b));
  }
}

// The rows that wait for their rewards, in another order, or twice, with a sum that is right.
TEST(ReplayTableModelTest, RefusesPendingRowsThatAreNotOneAfterTheOther) {
  TempDir folder;
  ReplayTable table = *ReplayTable::Create(kSpec, {.capacity = 900, .n_step = 3});
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.rows = 63})));
  FileOf(table, folder.File("good"));
  auto reader = BlockFileReader::Open(folder.File("good"));
  ASSERT_OK(reader);
  const std::string index((*reader)->Next()->payload);
  const std::string page((*reader)->Next()->payload);
  const auto load = [&](const std::string& changed) {
    auto writer = BlockFileWriter::Create(folder.File("changed"));
    EXPECT_OK((*writer)->Write(kTableBlock, {changed}));
    EXPECT_OK((*writer)->Write(kPageBlock, {page}));
    EXPECT_OK((*writer)->Finish());
    auto file = BlockFileReader::Open(folder.File("changed"));
    EXPECT_OK(file);
    return ReplayTable::Create(kSpec, {.capacity = 900, .n_step = 3})
        ->Load(file->get(), StreamBook(), RowRules())
        .status();
  };
  EXPECT_OK(load(index));
  constexpr size_t kRow = 8;  // bytes of a reference; two end the index
  const size_t first = index.size() - 2 * kRow;
  std::string swapped =
      index.substr(0, first) + index.substr(first + kRow) + index.substr(first, kRow);
  std::string twice =
      index.substr(0, first) + index.substr(first + kRow) + index.substr(first + kRow);
  for (const std::string& changed : {swapped, twice}) {
    EXPECT_THAT(load(changed), FailsWith(absl::StatusCode::kDataLoss, "do not fit together"));
  }
}

}  // namespace
}  // namespace pmoe
