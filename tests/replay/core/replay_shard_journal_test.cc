// A shard is made again from its log, or from a checkpoint and the log after it: the same bytes in
// the next checkpoint.
// tidy: long because each kind of record has its test.
#include <gtest/gtest.h>

#include <limits>
#include <map>

#include "absl/strings/str_cat.h"
#include "common/base/rng.h"
#include "replay/core/replay_shard.h"
#include "replay/log/log_reader.h"
#include "replay/log/segment_log.h"
#include "tests/replay/replay_testing.h"
#include "tests/testing/eventually.h"

namespace pmoe {
namespace {

constexpr TableSpec kSpec{.obs_dim = 3, .action_dim = 2, .extra_dim = 1};
constexpr std::chrono::milliseconds kNow{0};
constexpr uint64_t kNumber = 9;

ReplayShardOptions OffPolicy() {
  ReplayShardOptions options;
  options.spec = kSpec;
  options.table = {.capacity = 20 * kPageRows, .n_step = 3};
  options.gate.limiter =
      RateLimiterOptions{.samples_per_insert = 1.0, .error_window = 1e6, .insert_max = kPageRows};
  return options;
}

ReplayShardOptions OnPolicy() {
  ReplayShardOptions options;
  options.spec = kSpec;
  options.table.fifo = FifoOptions{.rollout_steps = 100, .max_lag = 3};
  return options;
}

std::unique_ptr<ReplayShard> MakeShard(const ReplayShardOptions& options) {
  auto shard = ReplayShard::Create(options);
  EXPECT_OK(shard);
  return *std::move(shard);
}

// Random things that writers and a learner do to a shard.
class Life {
 public:
  Life(ReplayShard* shard, uint64_t seed) : shard_(shard), rng_(seed, RngRole::kReplay, 77) {}

  void Live(int events) {
    for (int i = 0; i < events; ++i) Step();
  }
  // A new writer's chunk, with which the log gets the count of the last samples.
  void End() { Insert(7, &writers_[7]); }
  // The rollout that may be asked for again, and its ticket; null: none.
  std::shared_ptr<const Rollout> taken() const { return taken_; }
  RolloutTicket ticket() const { return {1, version_}; }

 private:
  struct Writer {
    uint32_t epoch = 0;
    uint64_t seq = 0;
    std::map<uint32_t, uint64_t> next_step{};
  };
  void Step() {
    const uint32_t actor = static_cast<uint32_t>(rng_.UniformInt(3));
    Writer& writer = writers_[actor];
    const uint64_t draw = rng_.UniformInt(100);
    if (draw < 80) {
      Insert(actor, &writer);
    } else if (draw < 83) {
      Lose(actor, &writer);
    } else if (draw < 85) {
      Refuse(actor, &writer);
    } else if (draw < 86) {
      writer = {.epoch = writer.epoch + 1};
      ASSERT_OK(shard_->ResumeInsert({.actor = actor, .epoch = writer.epoch}));
    } else if (draw < 88) {
      shard_->CutActor(0, actor, writer.epoch);
    } else if (draw < 91 && !shard_->gives_rollouts()) {
      Load();
    } else if (shard_->gives_rollouts()) {
      Take();
    } else if (shard_->Counts().eligible > 0) {
      Minibatch batch(kSpec, 1);
      ASSERT_OK(shard_->Sample(&batch, kNow));
    }
  }
  void Insert(uint32_t actor, Writer* writer) {
    const uint32_t env = static_cast<uint32_t>(rng_.UniformInt(2));
    const uint32_t rows = 1 + static_cast<uint32_t>(rng_.UniformInt(kPageRows));
    Chunk chunk = MakeChunk(kSpec, {.actor = actor,
                                    .epoch = writer->epoch,
                                    .env = env,
                                    .seq = writer->seq,
                                    .first_step = writer->next_step[env],
                                    .rows = rows,
                                    .terminated = rng_.UniformInt(4) == 0});
    for (uint32_t& version : chunk.policy_version) version = version_;
    const absl::Status status = shard_->Insert(chunk, kNow);
    if (absl::IsDeadlineExceeded(status)) return;  // no room: the row is made again
    ASSERT_OK(status);
    ++writer->seq;
    writer->next_step[env] += rows;
  }
  // Chunks that the writer no longer has, and its hello that says so.
  void Lose(uint32_t actor, Writer* writer) {
    ++writer->seq;
    ++writer->next_step[0];
    uint64_t rows = 0;
    for (const auto& [env, step] : writer->next_step) rows += step;
    ASSERT_OK(shard_->ResumeInsert({.actor = actor,
                                    .epoch = writer->epoch,
                                    .first_seq_held = writer->seq,
                                    .rows_acked = std::min(rows, writer->seq * kPageRows)}));
  }
  void Refuse(uint32_t actor, Writer* writer) {
    const uint32_t rows = 1 + static_cast<uint32_t>(rng_.UniformInt(kPageRows));
    ASSERT_OK(
        shard_->Refuse({.actor = actor, .epoch = writer->epoch, .seq = writer->seq, .rows = rows}));
    ++writer->seq;
    writer->next_step[0] += rows;
  }
  void Load() {
    if (rng_.UniformInt(3) == 0) {
      shard_->CutActor(0, StreamBook::kLoader, 0);
      loaded_ += 100;
    }
    Chunk chunk = MakeChunk(kSpec, {.first_step = loaded_, .rows = 40});
    chunk.policy_version.assign(chunk.rows, 0);
    ASSERT_OK(shard_->InsertLoaded(chunk));
    loaded_ += chunk.rows;
  }
  void Take() {
    const RolloutRequest request = {.steps = 100, .version_min = version_ - version_ % 2};
    const auto taken = shard_->TakeRollout({1, version_ + 1}, request, kNow);
    if (taken.ok()) ++version_;
    taken_ = taken.ok() ? *taken : nullptr;
  }

  ReplayShard* const shard_;
  Rng rng_;
  std::map<uint32_t, Writer> writers_;
  uint64_t loaded_ = 0;  // step of the next row of a file
  uint32_t version_ = 0;
  std::shared_ptr<const Rollout> taken_;
};

void Apply(const std::string& dir, std::optional<uint64_t> from, ReplayShard* shard) {
  const auto scan =
      ReadLog(dir, from,
              {.record = [shard](uint64_t position, absl::string_view, absl::string_view record) {
                return shard->Apply(record, position);
              }});
  ASSERT_OK(scan);
  ASSERT_EQ(scan->damage, "");
}

// What a file says but for what is not logged, the random stream.
std::string Content(const std::string& path) {
  constexpr size_t kRandomStream = 49;
  const auto file = BlockFileReader::Open(path);
  EXPECT_OK(file);
  std::string content;
  for (uint32_t type = UINT32_MAX; type != kEndBlock;) {
    const auto block = (*file)->Next();
    EXPECT_OK(block);
    if (!block.ok()) return content;
    type = block->type;
    absl::StrAppend(&content, type, ":",
                    block->payload.substr(type == kShardBlock ? kRandomStream : 0));
  }
  return content;
}

std::string ContentOf(const ReplayShard& shard, const TempDir& folder) {
  EXPECT_OK(shard.Save(folder.File("again"), kNumber));
  return Content(folder.File("again"));
}

struct Lived {
  std::unique_ptr<SegmentLog> log;
  std::unique_ptr<ReplayShard> shard;
  std::shared_ptr<const Rollout> taken;
  RolloutTicket ticket;
};

// With a checkpoint in the middle, one at the end, and all of the log on disk.
Lived LiveWithALog(const ReplayShardOptions& options, uint64_t seed, const TempDir& folder) {
  Lived lived;
  lived.log = SegmentLog::Start(
      {.dir = folder.path(), .segment_bytes = 10'000, .sync_every = std::chrono::milliseconds(1)});
  lived.shard = MakeShard(options);
  lived.shard->StartJournal(lived.log.get(), /*begins=*/true);
  Life life(lived.shard.get(), seed);
  life.Live(60);
  EXPECT_OK(lived.shard->Save(folder.File("middle"), kNumber));
  life.Live(60);
  life.End();
  lived.taken = life.taken();
  lived.ticket = life.ticket();
  EXPECT_OK(lived.shard->Save(folder.File("end"), kNumber));
  EXPECT_TRUE(Eventually([&] { return lived.log->stats().on_disk == lived.log->stats().end; }));
  return lived;
}

enum class Kind { kOffPolicy, kByAge, kOnPolicy };

class JournalTest : public ::testing::TestWithParam<Kind> {
 protected:
  static bool on_policy() { return GetParam() == Kind::kOnPolicy; }
  static ReplayShardOptions Options() {
    ReplayShardOptions options = on_policy() ? OnPolicy() : OffPolicy();
    if (GetParam() == Kind::kByAge) options.table.age = RowAge::kNewest;
    return options;
  }
};

TEST_P(JournalTest, TheLogAloneMakesTheShardAgainToTheByte) {
  int taken = 0;
  for (uint64_t seed = 0; seed < 20 && !HasFatalFailure(); ++seed) {
    TempDir folder;
    const Lived lived = LiveWithALog(Options(), seed, folder);
    const auto again = MakeShard(Options());
    Apply(folder.path(), std::nullopt, again.get());
    EXPECT_EQ(again->Explain(), lived.shard->Explain());
    EXPECT_TRUE(ContentOf(*again, folder) == Content(folder.File("end"))) << "seed " << seed;
    if (lived.taken == nullptr) continue;
    ++taken;
    const auto rollout = again->TakeRollout(lived.ticket, {.steps = 100}, kNow);
    ASSERT_OK(rollout);
    EXPECT_EQ((*rollout)->obs, lived.taken->obs);
    EXPECT_EQ((*rollout)->segments, lived.taken->segments);
  }
  EXPECT_EQ(taken > 0, on_policy());
}

TEST_P(JournalTest, SoDoesACheckpointWithTheLogAfterIt) {
  for (uint64_t seed = 0; seed < 20 && !HasFatalFailure(); ++seed) {
    TempDir folder;
    const Lived lived = LiveWithALog(Options(), seed, folder);
    const auto again = MakeShard(Options());
    TableHistory history;
    ASSERT_OK(again->Load(folder.File("middle"), &history));
    EXPECT_GT(history.log_position, 0u);
    Apply(folder.path(), history.log_position, again.get());
    const ShardStats stats = again->Stats(), wanted = lived.shard->Stats();
    EXPECT_EQ(stats.size, wanted.size);
    EXPECT_EQ(stats.inserted, wanted.inserted);
    EXPECT_EQ(stats.sampled, wanted.sampled);
    EXPECT_EQ(stats.rows_lost, wanted.rows_lost);
    EXPECT_EQ(again->Explain(), lived.shard->Explain());
    if (on_policy()) continue;  // pages are let go of at other moments, so slots differ
    EXPECT_TRUE(ContentOf(*again, folder) == Content(folder.File("end"))) << "seed " << seed;
  }
}

TEST(JournalRecordTest, NothingButWhatWasEncodedIsARecord) {
  const std::string chunk = EncodeRecord(MakeChunk(kSpec, {.rows = 5}));
  EXPECT_EQ(RowsOfRecord(chunk), 5u);
  for (const std::string& good :
       {chunk, EncodeRecord(TableBegun()), EncodeRecord(WriterHello()), EncodeRecord(ActorCut()),
        EncodeRecord(RowsAged()), EncodeRecord(RolloutTaken()), EncodeRecord(RowsSampled()),
        EncodeRecord(ChunkRefused())}) {
    EXPECT_OK(DecodeRecord(kSpec, good));
    for (size_t n = 0; n < good.size(); ++n) {
      EXPECT_THAT(DecodeRecord(kSpec, good.substr(0, n)),
                  FailsWith(absl::StatusCode::kDataLoss, "a record of the log"));
    }
    EXPECT_THAT(DecodeRecord(kSpec, good + "x"),
                FailsWith(absl::StatusCode::kDataLoss, "a record of the log"));
  }
}

// A log in memory.
class Records : public Journal {
 public:
  void Append(std::string record) override { records_.push_back(std::move(record)); }
  uint64_t end() const override { return records_.size(); }
  // All from `from` on fit, or how the first that does not fails.
  absl::Status ApplyTo(ReplayShard* shard, uint64_t from = 0) const {
    for (uint64_t at = from; at < records_.size(); ++at) {
      const absl::Status applied = shard->Apply(records_[at], at);
      if (!applied.ok()) return applied;
    }
    return absl::OkStatus();
  }

 private:
  std::vector<std::string> records_;
};

Chunk Rows(uint64_t seq, uint32_t version = 1) {
  Chunk chunk = MakeChunk(kSpec, {.seq = seq, .first_step = 10 * seq, .rows = 10});
  chunk.policy_version.assign(10, version);
  return chunk;
}

TEST(JournalRecordTest, ARefusedChunkLeavesNoGapInTheLogAndARestartAsksForTheNextOne) {
  Records log;
  const auto shard = MakeShard(OffPolicy());
  shard->StartJournal(&log, /*begins=*/true);
  ASSERT_OK(shard->Insert(Rows(0), kNow));
  ASSERT_OK(shard->Refuse({.seq = 1, .rows = 10}));
  const auto refused_last = MakeShard(OffPolicy());
  ASSERT_OK(log.ApplyTo(refused_last.get()));
  EXPECT_EQ(*refused_last->ResumeInsert({}), 2u);
  ASSERT_OK(shard->Insert(Rows(2), kNow));
  const auto again = MakeShard(OffPolicy());
  ASSERT_OK(log.ApplyTo(again.get()));
  EXPECT_EQ(again->inserted(), 20);
  EXPECT_EQ(again->Stats().rows_lost, 0u);
  EXPECT_EQ(again->Stats().refused, 0) << "of this life";
  EXPECT_EQ(*again->ResumeInsert({}), 3u);
}

TEST(JournalRecordTest, AChunkWithoutRowsIsReadBackToo) {
  Records log;
  const auto shard = MakeShard(OffPolicy());
  shard->StartJournal(&log, /*begins=*/true);
  ASSERT_OK(shard->Insert(MakeChunk(kSpec, {.rows = 0, .last_of_round = true}), kNow));
  ASSERT_OK(shard->Insert(MakeChunk(kSpec, {.seq = 1, .rows = 10}), kNow));
  const auto again = MakeShard(OffPolicy());
  ASSERT_OK(log.ApplyTo(again.get()));
  EXPECT_EQ(again->inserted(), 10);
}

// As an older build's door let them in.
ReplayShardOptions Open(ReplayShardOptions options) {
  options.rules.reject_nonfinite = false;
  return options;
}

TEST(JournalRecordTest, RowsOfALogThatNoDoorTakesTodayAreLeftOutAndTheirStreamGoesOn) {
  TempDir folder;
  Records log;
  const auto old = MakeShard(Open(OffPolicy()));
  old->StartJournal(&log, /*begins=*/true);
  Chunk bad = Rows(1);
  bad.rewards[3] = std::numeric_limits<float>::quiet_NaN();
  ASSERT_OK(old->Insert(Rows(0), kNow));
  ASSERT_OK(old->Insert(bad, kNow));
  ASSERT_OK(old->Save(folder.File("middle"), kNumber));
  const uint64_t middle = log.end();
  ASSERT_OK(old->Insert(Rows(2), kNow));
  ASSERT_OK(old->Insert(Rows(3, /*version=*/8), kNow));
  ASSERT_OK(old->Insert(Rows(4, /*version=*/2), kNow));

  const auto again = MakeShard(OffPolicy());
  again->SetPublished(7, /*now=*/true);
  ASSERT_OK(log.ApplyTo(again.get()));
  EXPECT_EQ(again->size(), 30);
  EXPECT_EQ(again->inserted(), 50);
  EXPECT_EQ(again->Stats().rows_left_out, 20);
  EXPECT_EQ(again->Stats().rows_lost, 0u);
  EXPECT_EQ(again->Stats().newest_version, 2u);
  EXPECT_EQ(*again->ResumeInsert({}), 5u);
  EXPECT_OK(again->Insert(Rows(5, /*version=*/7), kNow));
  ASSERT_OK(again->Save(folder.File("sound"), kNumber));
  EXPECT_OK(MakeShard(OffPolicy())->Load(folder.File("sound")));

  // A file that leaves rows out, and the log behind it.
  const auto loaded = MakeShard(OffPolicy());
  ASSERT_OK(loaded->Load(folder.File("middle")));
  const int64_t of_the_file = loaded->Stats().rows_left_out;
  EXPECT_GT(of_the_file, 0);
  ASSERT_OK(log.ApplyTo(loaded.get(), middle));
  EXPECT_EQ(loaded->inserted(), 50);
  EXPECT_EQ(loaded->Stats().rows_left_out, of_the_file) << "no learner has named a version";
}

TEST(JournalRecordTest, PoliciesOfAppliedRowsAreKnownAndDoNotMakeTheLogsOwnUnknown) {
  Records log;
  const auto shard = MakeShard(OffPolicy());
  shard->StartJournal(&log, /*begins=*/true);
  for (uint32_t i = 0; i < 4; ++i) ASSERT_OK(shard->Insert(Rows(i, /*version=*/10 * i), kNow));
  const auto again = MakeShard(OffPolicy());
  again->SetPublished(0, /*now=*/true);  // a learner that has just been started again
  ASSERT_OK(log.ApplyTo(again.get()));
  EXPECT_EQ(again->Stats().rows_left_out, 0);
  EXPECT_OK(again->Insert(Rows(4, /*version=*/30), kNow));
  EXPECT_THAT(again->Insert(Rows(5, /*version=*/31), kNow),
              FailsWith(absl::StatusCode::kDeadlineExceeded, "a newer policy is not known"));
}

TEST(JournalRecordTest, WhereRowsWereLeftOutNoneIsGivenTwice) {
  Records log;
  const auto old = MakeShard(Open(OnPolicy()));
  old->StartJournal(&log, /*begins=*/true);
  Chunk bad = Rows(1);
  bad.actions[3] = std::numeric_limits<float>::infinity();
  ASSERT_OK(old->Insert(Rows(0), kNow));
  ASSERT_OK(old->Insert(bad, kNow));
  ASSERT_OK(old->Insert(Rows(2), kNow));
  ASSERT_OK(old->TakeRollout({1, 1}, {.steps = 25}, kNow));
  ASSERT_OK(old->Insert(Rows(3), kNow));
  const auto again = MakeShard(OnPolicy());
  ASSERT_OK(log.ApplyTo(again.get()));
  EXPECT_EQ(again->size(), 10) << "of chunk 3; what waited before the take is given up";
  EXPECT_EQ(again->Stats().sampled, 25);
  EXPECT_OK(again->TakeRollout({1, 2}, {.steps = 10}, kNow));
}

INSTANTIATE_TEST_SUITE_P(Kinds, JournalTest,
                         ::testing::Values(Kind::kOffPolicy, Kind::kByAge, Kind::kOnPolicy));

}  // namespace
}  // namespace pmoe
