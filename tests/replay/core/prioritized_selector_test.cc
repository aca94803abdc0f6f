// Prioritized replay against a naive selection, its distribution, its weights, and what becomes of
// priorities when rows go and when tables are saved.
#include "replay/core/selectors/prioritized_selector.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "common/base/file.h"
#include "replay/core/nonsense.h"
#include "replay/core/replay_shard.h"
#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr TableSpec kSpec{.obs_dim = 2, .action_dim = 1};
constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;
constexpr auto kBad = absl::StatusCode::kInvalidArgument;
constexpr double kAlpha = 0.7;

ReplayShardOptions Options(const PriorityOptions& priority) {
  ReplayShardOptions options;
  options.spec = kSpec;
  options.table.capacity = 256;
  options.table.priority = priority;
  return options;
}

std::unique_ptr<ReplayShard> MakeShard(const ReplayShardOptions& options) {
  auto shard = ReplayShard::Create(options);
  EXPECT_OK(shard);
  return *std::move(shard);
}

std::unique_ptr<ReplayShard> MakeShard(const PriorityOptions& priority = {.alpha = kAlpha}) {
  return MakeShard(Options(priority));
}

// The next `rows` rows of the one environment, in chunks of 32.
void Insert(ReplayShard* shard, uint32_t rows) {
  for (uint32_t done = 0; done < rows; done += 32) {
    const auto step = static_cast<uint64_t>(shard->inserted());
    ASSERT_OK(shard->Insert(MakeChunk(kSpec, {.seq = step / 32, .first_step = step, .rows = 32}),
                            milliseconds(0)));
  }
}

Minibatch Draw(ReplayShard* shard, int rows = 32) {
  Minibatch batch(kSpec, rows, /*prioritized=*/true);
  EXPECT_OK(shard->Sample(&batch));
  return batch;
}

// Of a row: its step, as MakeChunk writes it.
int StepOf(Minibatch& batch, int i) { return static_cast<int>(batch.reward()[i]); }

absl::Status Update(ReplayShard* shard, Minibatch& batch, const std::vector<float>& errors) {
  return shard->UpdatePriorities({batch.key(), static_cast<size_t>(batch.size())}, errors);
}

// Draws until every row of [0, rows) has come, and gives the row of step s the error errors[s].
void SetErrors(ReplayShard* shard, const std::vector<float>& errors) {
  std::map<int, RowKey> keys;
  for (int i = 0; i < 10'000 && keys.size() < errors.size(); ++i) {
    Minibatch batch = Draw(shard);
    for (int b = 0; b < batch.size(); ++b) keys[StepOf(batch, b)] = batch.key()[b];
  }
  ASSERT_EQ(keys.size(), errors.size());
  for (const auto& [step, key] : keys) {
    const float error = errors[static_cast<size_t>(step)];
    ASSERT_OK(shard->UpdatePriorities({&key, 1}, {&error, 1}));
  }
}

std::vector<float> SomeErrors(size_t rows) {
  std::vector<float> errors;
  for (size_t i = 0; i < rows; ++i) errors.push_back(static_cast<float>((i * 7) % 13) / 4.0f);
  return errors;
}

double P(float error, double alpha = kAlpha) { return std::pow(error + 1e-6, alpha); }

TEST(SumTreeTest, FindsWhatASearchFromTheFirstNumberFinds) {
  Rng rng(1, RngRole::kReplay, 0);
  SumTree tree;
  for (int round = 0; round < 300; ++round) {
    tree.Grow(tree.size() + rng.UniformInt(200));
    const size_t begin = rng.UniformInt(tree.size() + 1);
    const size_t count = rng.UniformInt(tree.size() - begin + 1);
    tree.Fill(begin, count, rng.NextU32() % 3 == 0 ? 0.0f : rng.UniformFloat());
    double sum = 0;
    for (const float number : tree.numbers()) sum += static_cast<double>(number);
    ASSERT_NEAR(tree.total(), sum, 1e-9 * (1.0 + sum));
    if (sum == 0) continue;
    for (int i = 0; i < 20; ++i) {
      const double u = rng.Uniform() * tree.total();
      size_t wanted = 0;
      for (double rest = u; wanted + 1 < tree.size() && rest >= double{tree.at(wanted)}; ++wanted) {
        rest -= double{tree.at(wanted)};
      }
      EXPECT_EQ(tree.Find(u), wanted);
    }
    EXPECT_GT(tree.at(tree.Find(0.0)), 0.0f);
    EXPECT_GT(tree.at(tree.Find(tree.total())), 0.0f) << "what rounding may make of u";
  }
}

TEST(SumTreeTest, DoesNotKnowInWhatOrderItsNumbersCame) {
  Rng rng(2, RngRole::kReplay, 0);
  SumTree lived, made;
  lived.Grow(10);
  for (int i = 0; i < 5000; ++i) {
    lived.Grow(lived.size() + rng.UniformInt(2));
    lived.Set(rng.UniformInt(lived.size()), rng.UniformFloat());
  }
  made.Grow(lived.size());
  for (size_t i = lived.size(); i-- > 0;) made.Set(i, lived.at(i));
  EXPECT_EQ(made.total(), lived.total());
  for (int i = 0; i < 1000; ++i) {
    const double u = rng.Uniform() * lived.total();
    EXPECT_EQ(made.Find(u), lived.Find(u));
  }
}

TEST(PrioritizedSelectorTest, DrawsTheRowsOfANaiveSelectionOverTheSameNumbers) {
  auto shard = MakeShard();
  Insert(shard.get(), 96);
  const std::vector<float> errors = SomeErrors(96);
  SetErrors(shard.get(), errors);
  TempDir folder;
  ASSERT_OK(shard->Save(folder.File("a")));  // so that its stream of numbers is known: it begins
  auto loaded = MakeShard();
  ASSERT_OK(loaded->Load(folder.File("a")));
  // The stream's place: as many numbers as rows were drawn.
  Rng rng(1, RngRole::kReplay, 0);
  for (int64_t i = 0; i < shard->Stats().sampled; ++i) rng.Uniform();
  double total = 0;
  for (const float error : errors) total += double{static_cast<float>(P(error))};
  for (int round = 0; round < 50; ++round) {
    Minibatch batch = Draw(loaded.get());
    for (int b = 0; b < batch.size(); ++b) {
      double u = rng.Uniform() * total;
      int wanted = 0;
      for (; u >= double{static_cast<float>(P(errors[wanted]))}; ++wanted) {
        u -= double{static_cast<float>(P(errors[wanted]))};
      }
      EXPECT_EQ(StepOf(batch, b), wanted);
    }
  }
}

// Pearson's chi-square as a standard normal deviate (Wilson-Hilferty).
TEST(PrioritizedSelectorTest, DrawsInProportionToTheErrorsToThePowerAlpha) {
  auto shard = MakeShard();
  Insert(shard.get(), 96);
  const std::vector<float> errors = SomeErrors(96);
  SetErrors(shard.get(), errors);
  std::vector<double> counts(errors.size());
  constexpr int kBatches = 4000;
  for (int i = 0; i < kBatches; ++i) {
    Minibatch batch = Draw(shard.get());
    for (int b = 0; b < batch.size(); ++b) ++counts[static_cast<size_t>(StepOf(batch, b))];
  }
  double total = 0;
  for (const float error : errors) total += P(error);
  double chi2 = 0, cells = 0;
  for (size_t i = 0; i < errors.size(); ++i) {
    const double expected = kBatches * 32 * P(errors[i]) / total;
    if (expected < 5) {
      EXPECT_LT(counts[i], 30) << errors[i];
      continue;
    }
    chi2 += (counts[i] - expected) * (counts[i] - expected) / expected;
    ++cells;
  }
  ASSERT_GT(cells, 80);
  const double dof = cells - 1, v = 2.0 / (9.0 * dof);
  EXPECT_LT(std::abs((std::cbrt(chi2 / dof) - (1.0 - v)) / std::sqrt(v)), 4.0);
}

TEST(PrioritizedSelectorTest, WeightsUndoThePreferenceAndAreOfTheLargestInTheMinibatch) {
  constexpr double kBeta = 0.5;
  auto shard = MakeShard({.alpha = kAlpha, .beta = kBeta, .beta_end = kBeta});
  Insert(shard.get(), 96);
  const std::vector<float> errors = SomeErrors(96);
  SetErrors(shard.get(), errors);
  double total = 0;
  for (const float error : errors) total += P(error);
  Minibatch batch = Draw(shard.get());
  std::vector<double> wanted;
  for (int b = 0; b < batch.size(); ++b) {
    const double share = P(errors[static_cast<size_t>(StepOf(batch, b))]) / total;
    wanted.push_back(std::pow(static_cast<double>(errors.size()) * share, -kBeta));
  }
  const double largest = *std::max_element(wanted.begin(), wanted.end());
  for (int b = 0; b < batch.size(); ++b) {
    EXPECT_NEAR(batch.weight()[b], wanted[static_cast<size_t>(b)] / largest, 1e-6);
  }
}

TEST(PrioritizedSelectorTest, BetaGrowsWithTheRowsEverInserted) {
  const PriorityOptions options{.beta = 0.4, .beta_end = 1.0, .beta_rows = 1000};
  EXPECT_DOUBLE_EQ(options.BetaAt(0), 0.4);
  EXPECT_DOUBLE_EQ(options.BetaAt(500), 0.7);
  EXPECT_DOUBLE_EQ(options.BetaAt(1000), 1.0);
  EXPECT_DOUBLE_EQ(options.BetaAt(5000), 1.0);
}

TEST(PrioritizedSelectorTest, ANewRowHasTheHighestPriorityThatThereEverWas) {
  auto shard = MakeShard({.alpha = 1.0, .beta = 1.0});
  Insert(shard.get(), 32);
  std::vector<float> errors(32, 0.5f);
  errors[3] = 40.0f;
  SetErrors(shard.get(), errors);
  errors[3] = 0.5f;  // and now there is none so high
  SetErrors(shard.get(), errors);
  Insert(shard.get(), 32);
  // With beta 1 the weights are over the errors.
  Minibatch batch = Draw(shard.get(), 2000);
  int old_rows = 0;
  for (int b = 0; b < batch.size(); ++b) {
    const bool is_old = StepOf(batch, b) < 32;
    old_rows += is_old ? 1 : 0;
    EXPECT_NEAR(batch.weight()[b], is_old ? 1.0 : 0.5 / 40.0, 1e-5);
  }
  EXPECT_GT(old_rows, 0);
  EXPECT_LT(old_rows, 100);
}

TEST(PrioritizedSelectorTest, ErrorsOfRowsThatAreGoneAreCountedAndChangeNothing) {
  auto shard = MakeShard();
  Insert(shard.get(), 64);
  Minibatch old = Draw(shard.get());
  Insert(shard.get(), 512);  // whose pages lie where the old ones did
  const std::vector<float> errors(32, 1e6f);
  ASSERT_OK(Update(shard.get(), old, errors));
  EXPECT_EQ(shard->Stats().priorities_gone, 32);
  Minibatch batch = Draw(shard.get(), 500);
  for (int b = 0; b < batch.size(); ++b) EXPECT_EQ(batch.weight()[b], 1.0f);
  // Rows that never were.
  const RowKey nowhere[] = {{UINT32_MAX, 0}, {0, UINT32_MAX}, {63, 1000}};
  ASSERT_OK(shard->UpdatePriorities(nowhere, std::vector<float>(3, 1.0f)));
  EXPECT_EQ(shard->Stats().priorities_gone, 35);
}

TEST(PrioritizedSelectorTest, ErrorsThatAreNoneAreRefusedWithAllTheOthersOfTheirUpdate) {
  auto shard = MakeShard({.update_rows_max = 32});
  Insert(shard.get(), 64);
  Minibatch batch = Draw(shard.get());
  const auto reason = [&](float error) {
    std::vector<float> errors(32, 5.0f);
    errors[30] = error;
    const absl::Status status = Update(shard.get(), batch, errors);
    EXPECT_EQ(status.code(), kBad) << error;
    return NonsenseReason(status, "none");
  };
  EXPECT_EQ(reason(std::numeric_limits<float>::quiet_NaN()), kNotFinite);
  EXPECT_EQ(reason(std::numeric_limits<float>::infinity()), kNotFinite);
  EXPECT_EQ(reason(-1.0f), kBadNumbers);
  EXPECT_EQ(reason(3e19f), kBadNumbers);
  EXPECT_THAT(Update(shard.get(), batch, std::vector<float>(31, 1.0f)),
              FailsWith(kBad, "31 errors for 32 rows"));
  const std::vector<RowKey> many(33);
  EXPECT_THAT(shard->UpdatePriorities(many, std::vector<float>(33, 1.0f)),
              FailsWith(kBad, "at most 32"));
  Minibatch after = Draw(shard.get(), 500);
  for (int b = 0; b < after.size(); ++b) EXPECT_EQ(after.weight()[b], 1.0f);
  EXPECT_OK(Update(shard.get(), batch, std::vector<float>(32, PrioritizedSelector::kErrorMax)));
}

TEST(PrioritizedSelectorTest, ASavedTableGoesOnWithTheSameBits) {
  TempDir folder;
  auto shard = MakeShard();
  Insert(shard.get(), 320);  // with evictions
  for (int i = 0; i < 30; ++i) {
    Minibatch batch = Draw(shard.get());
    std::vector<float> errors;
    for (int b = 0; b < 32; ++b) errors.push_back(static_cast<float>((b * i) % 17));
    ASSERT_OK(Update(shard.get(), batch, errors));
  }
  ASSERT_OK(shard->Save(folder.File("a")));
  auto loaded = MakeShard();
  ASSERT_OK(loaded->Load(folder.File("a")));
  for (int i = 0; i < 20; ++i) {
    Minibatch ours = Draw(shard.get()), theirs = Draw(loaded.get());
    ASSERT_EQ(BatchBytes(&ours), BatchBytes(&theirs)) << i;
    const std::vector<float> errors(32, static_cast<float>(i));
    ASSERT_OK(Update(shard.get(), ours, errors));
    ASSERT_OK(Update(loaded.get(), theirs, errors));
    Insert(shard.get(), 32);
    Insert(loaded.get(), 32);
  }
  ASSERT_OK(shard->Save(folder.File("b")));
  ASSERT_OK(loaded->Save(folder.File("c")));
  EXPECT_TRUE(*ReadFile(folder.File("b")) == *ReadFile(folder.File("c")));
}

// What updates found is not in the log: rows are new again, as docs/replay.md says.
TEST(PrioritizedSelectorTest, RowsOfALogHaveTheHighestPriorityUnderTheirOldKeys) {
  struct Records : Journal {
    void Append(std::string record) override { records.push_back(std::move(record)); }
    uint64_t end() const override { return records.size(); }
    std::vector<std::string> records;
  } log;
  auto shard = MakeShard();
  shard->StartJournal(&log, /*begins=*/true);
  Insert(shard.get(), 64);
  Minibatch batch = Draw(shard.get());
  ASSERT_OK(Update(shard.get(), batch, std::vector<float>(32, 0.25f)));
  Insert(shard.get(), 32);
  auto again = MakeShard();
  for (uint64_t i = 0; i < log.end(); ++i) ASSERT_OK(again->Apply(log.records[i], i));
  EXPECT_EQ(again->inserted(), 96);
  Minibatch all = Draw(again.get(), 500);
  for (int b = 0; b < all.size(); ++b) EXPECT_EQ(all.weight()[b], 1.0f);
  ASSERT_OK(Update(again.get(), batch, std::vector<float>(32, 0.25f)));
  EXPECT_EQ(again->Stats().priorities_gone, 0);
}

TEST(PrioritizedSelectorTest, ATableOfAnotherSelectorOrAlphaIsRefusedAndAUniformOnesRowsAreNew) {
  TempDir folder;
  auto shard = MakeShard();
  Insert(shard.get(), 64);
  ASSERT_OK(shard->Save(folder.File("priorities")));
  ReplayShardOptions plain = Options({});
  plain.table.priority.reset();
  auto uniform = MakeShard(plain);
  EXPECT_THAT(uniform->Load(folder.File("priorities")), FailsWith(kRefused, "replay.selector"));
  auto other = MakeShard({.alpha = 0.1});
  EXPECT_THAT(other->Load(folder.File("priorities")),
              FailsWith(kRefused, "replay.priority_alpha 0.7, this run's is 0.1"));
  Insert(uniform.get(), 64);
  ASSERT_OK(uniform->Save(folder.File("uniform")));
  ASSERT_OK(shard->Load(folder.File("uniform")));
  Minibatch batch = Draw(shard.get(), 200);
  for (int b = 0; b < batch.size(); ++b) EXPECT_EQ(batch.weight()[b], 1.0f);
}

TEST(PrioritizedSelectorTest, StaysInItsMemoryWhateverASavedStateSays) {
  const auto with_rows = [](PagePool* pool, PrioritizedSelector* selector) {
    const uint32_t page = pool->Open();
    selector->OnOpen(page);
    selector->OnReady({page, 0}, 3);
    const RowKey key = {1, static_cast<uint32_t>(pool->page(page).id)};
    const float error = 2.0f;
    EXPECT_EQ(selector->Update({&key, 1}, {&error, 1}), 0);
  };
  PagePool pool(kSpec);
  PrioritizedSelector selector(&pool, {});
  with_rows(&pool, &selector);
  const std::string good = selector.SaveState();
  int loaded_some = 0;
  for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string state = good;
    state[bit / 8] = static_cast<char>(state[bit / 8] ^ (1 << (bit % 8)));
    PagePool other(kSpec);
    PrioritizedSelector loaded(&other, {});
    if (!loaded.LoadState(state).ok()) continue;
    ++loaded_some;
    with_rows(&other, &loaded);
    loaded.OnLoaded();
    std::vector<RowRef> rows;
    Rng rng(1, RngRole::kReplay, 0);
    loaded.Select({.rows = 20}, &rng, &rows);
    for (const RowRef row : rows) EXPECT_TRUE(row.page == 0 && row.row < 3);
  }
  EXPECT_GT(loaded_some, 100);
  for (size_t length = 1; length < good.size(); ++length) {
    EXPECT_FALSE(PrioritizedSelector(&pool, {}).LoadState(good.substr(0, length)).ok()) << length;
  }
}

TEST(PrioritizedSelectorTest, AMinibatchOfTheOtherKindIsRefused) {
  auto shard = MakeShard();
  Insert(shard.get(), 32);
  Minibatch plain(kSpec, 8);
  EXPECT_THAT(shard->Sample(&plain), FailsWith(kBad, "another selector"));
  ReplayShardOptions options = Options({});
  options.table.priority.reset();
  auto uniform = MakeShard(options);
  Insert(uniform.get(), 32);
  Minibatch prioritized(kSpec, 8, /*prioritized=*/true);
  EXPECT_THAT(uniform->Sample(&prioritized), FailsWith(kBad, "another selector"));
  EXPECT_THAT(uniform->UpdatePriorities({}, {}), FailsWith(kRefused, "no priorities"));
}

}  // namespace
}  // namespace pmoe
