// Insert, acknowledge, resume: seeded lives of a few writers and of the shard that they write to.
// Messages are lost with their stream, sent twice, and acknowledged late; writers die and come back
// with the next epoch; the shard is set back to an older checkpoint. A plain list of rows is the
// model.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>
#include <tuple>

#include "common/base/rng.h"
#include "replay/core/stream_book.h"
#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

constexpr TableSpec kSpec{.obs_dim = 1, .action_dim = 1};
constexpr uint32_t kActors = 3;
constexpr uint32_t kEnvs = 2;
constexpr size_t kRing = 6;  // chunks that a writer keeps

using RowName = std::tuple<uint32_t, uint32_t, uint32_t, uint64_t>;  // actor, epoch, env, step

// The shard as the service drives it: a book, and the rows in the order in which they entered.
struct Shard {
  StreamBook book;
  std::vector<RowName> rows;

  absl::Status Insert(const Chunk& chunk) {
    const absl::Status status = book.CheckSeq(chunk);
    if (!status.ok()) return status;
    book.Record(chunk);
    for (uint32_t i = 0; i < chunk.rows; ++i) {
      rows.emplace_back(chunk.actor, chunk.epoch, chunk.env, chunk.first_step + i);
    }
    return status;
  }
};

struct Saved {
  std::string book;
  std::string losses;
  std::vector<RowName> rows;
};

struct Writer {
  uint32_t actor = 0;
  uint32_t epoch = 0;
  uint64_t next_seq = 0;
  uint64_t next_step[kEnvs] = {};
  std::deque<Chunk> ring;    // not acknowledged
  std::deque<Chunk> stream;  // sent, on their way
  bool connected = false;
  std::set<RowName> written;  // of this epoch

  void Write(uint32_t env, uint32_t rows) {
    Chunk chunk = MakeChunk(kSpec, {.actor = actor,
                                    .epoch = epoch,
                                    .env = env,
                                    .seq = next_seq++,
                                    .first_step = next_step[env],
                                    .rows = rows});
    for (uint32_t i = 0; i < rows; ++i) written.emplace(actor, epoch, env, next_step[env]++);
    if (connected) stream.push_back(chunk);
    ring.push_back(std::move(chunk));
  }
  void Acknowledge(uint64_t next) {
    while (!ring.empty() && ring.front().seq < next) ring.pop_front();
  }
  void Disconnect() {
    connected = false;
    stream.clear();
  }
  void Connect(Shard* shard) {
    const uint64_t held = ring.empty() ? next_seq : ring.front().seq;
    uint64_t rows_held = 0;
    for (const Chunk& chunk : ring) rows_held += chunk.rows;
    const auto next = shard->book.Hello({0, actor, epoch, held, written.size() - rows_held});
    ASSERT_OK(next);
    ASSERT_LE(*next, next_seq);
    Acknowledge(*next);
    connected = true;
    stream = ring;
  }
  // One chunk arrives.
  void Deliver(Shard* shard, bool twice, bool acknowledge) {
    const Chunk chunk = stream.front();
    stream.pop_front();
    ASSERT_OK(shard->Insert(chunk));
    if (twice) {
      ASSERT_EQ(shard->Insert(chunk).code(), absl::StatusCode::kAlreadyExists);
    }
    if (acknowledge) Acknowledge(chunk.seq + 1);
  }
  void Restart() {
    Writer next;
    next.actor = actor;
    next.epoch = epoch + 1;
    *this = std::move(next);
  }
};

// Steps missing between the rows of one (actor, epoch, env), and before the first.
uint64_t Gaps(const std::vector<RowName>& rows) {
  std::map<std::tuple<uint32_t, uint32_t, uint32_t>, uint64_t> next_step;
  uint64_t gaps = 0;
  for (const auto& [actor, epoch, env, step] : rows) {
    uint64_t& next = next_step[{actor, epoch, env}];
    gaps += step - next;
    next = step + 1;
  }
  return gaps;
}

class Simulation {
 public:
  explicit Simulation(uint64_t seed) : rng_(seed, RngRole::kReplay, /*index=*/99) {
    for (uint32_t actor = 0; actor < kActors; ++actor) writers_[actor].actor = actor;
    Save();
  }

  void Run() {
    for (int event = 0; event < 300 && !::testing::Test::HasFatalFailure(); ++event) Step();
    for (Writer& writer : writers_) {
      // The next chunk of an environment shows what was lost before it.
      for (uint32_t env = 0; env < kEnvs; ++env) writer.Write(env, 1);
      Flush(&writer);
    }
  }
  const Shard& shard() const { return shard_; }
  const Writer& writer(uint32_t actor) const { return writers_[actor]; }
  bool set_back() const { return set_back_; }

 private:
  void Step() {
    Writer* writer = &writers_[rng_.UniformInt(kActors)];
    const uint64_t draw = rng_.UniformInt(100);
    if (draw < 40 && writer->ring.size() < kRing) {
      writer->Write(static_cast<uint32_t>(rng_.UniformInt(kEnvs)),
                    1 + static_cast<uint32_t>(rng_.UniformInt(4)));
    } else if (draw < 80 && !writer->stream.empty()) {
      writer->Deliver(&shard_, rng_.UniformInt(5) == 0, rng_.UniformInt(3) != 0);
    } else if (draw < 88) {
      if (writer->connected)
        writer->Disconnect();
      else
        writer->Connect(&shard_);
    } else if (draw < 90) {
      writer->Restart();
    } else if (draw < 92) {
      Save();
    } else if (draw == 92) {
      SetBack();
    }
  }
  void Flush(Writer* writer) {
    writer->Disconnect();
    writer->Connect(&shard_);
    while (!writer->stream.empty() && !::testing::Test::HasFatalFailure()) {
      writer->Deliver(&shard_, false, true);
    }
  }
  void Save() {
    ByteWriter out, losses;
    shard_.book.SaveState(&out);
    shard_.book.SaveLosses(&losses);
    saved_ = {out.Take(), losses.Take(), shard_.rows};
  }
  // The shard dies and comes back from its checkpoint.
  void SetBack() {
    shard_.rows = saved_.rows;
    ByteReader in(saved_.book);
    shard_.book = StreamBook();
    ASSERT_OK(shard_.book.LoadState(&in));
    ASSERT_OK(shard_.book.LoadLosses(saved_.losses));
    set_back_ = true;
    for (Writer& writer : writers_) writer.Disconnect();
  }

  Rng rng_;
  Shard shard_;
  Saved saved_;
  Writer writers_[kActors];
  bool set_back_ = false;
};

void CheckOrderAndOnce(const std::vector<RowName>& rows, uint64_t seed) {
  std::map<std::pair<uint32_t, uint32_t>, std::pair<uint32_t, uint64_t>> last;
  for (const auto& [actor, epoch, env, step] : rows) {
    const auto [at, is_new] = last.try_emplace({actor, env}, epoch, step);
    if (is_new) continue;
    ASSERT_LT(at->second, std::make_pair(epoch, step)) << "seed " << seed;
    at->second = {epoch, step};
  }
}

TEST(StreamBookSimTest, EveryRowEntersOnceInOrderAndWhatIsMissingIsCounted) {
  int set_back = 0;
  int lossy = 0;
  for (uint64_t seed = 1; seed <= 5000; ++seed) {
    Simulation simulation(seed);
    simulation.Run();
    ASSERT_FALSE(HasFatalFailure()) << "seed " << seed;
    const Shard& shard = simulation.shard();
    CheckOrderAndOnce(shard.rows, seed);
    const std::set<RowName> held(shard.rows.begin(), shard.rows.end());
    uint64_t missing = 0;
    for (uint32_t actor = 0; actor < kActors; ++actor) {
      uint64_t lost = 0;
      for (const RowName& row : simulation.writer(actor).written) lost += !held.contains(row);
      // Of a life that still writes, to the row; whoever died before it came back cannot say.
      ASSERT_EQ(shard.book.Find(0, actor)->lost(), lost) << "seed " << seed;
      missing += lost;
    }
    if (!simulation.set_back()) {
      ASSERT_EQ(missing, 0u) << "seed " << seed;
    }
    ASSERT_LE(missing, Gaps(shard.rows)) << "seed " << seed;
    ASSERT_GE(shard.book.rows_lost(), Gaps(shard.rows)) << "seed " << seed;
    set_back += simulation.set_back();
    lossy += missing > 0;
  }
  EXPECT_GT(set_back, 1000);
  EXPECT_GT(lossy, 100);
}

}  // namespace
}  // namespace pmoe
