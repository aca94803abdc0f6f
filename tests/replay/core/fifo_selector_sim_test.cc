// FifoSelector against a model of plain rows, and against actors that wait for room, with random
// chunks, episode ends, lost rows, versions, deaths and new lives.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <tuple>

#include "common/base/rng.h"
#include "replay/core/selectors/fifo_selector.h"
#include "tests/replay/core/rollout_testing.h"

namespace pmoe {
namespace {

constexpr int kSeeds = 300;
constexpr int kActors = 3;
constexpr int kEnvs = 2;

struct Row {
  uint64_t step = 0;
  uint32_t version = 0;
  SegmentEnd end = SegmentEnd::kCut;  // kCut: the episode goes on
  bool operator==(const Row&) const = default;
};

// The queue in the words of its specification.
class Model {
 public:
  using Key = std::tuple<uint32_t, uint32_t, uint32_t>;  // actor, env, epoch
  struct Stream {
    bool live = true;
    std::deque<Row> rows;
  };

  void Append(const Chunk& chunk) {
    Stream& stream = streams_[{chunk.actor, chunk.env, chunk.epoch}];
    stream.live = true;
    for (uint32_t i = 0; i < chunk.rows; ++i) {
      const SegmentEnd end = chunk.terminated[i]  ? SegmentEnd::kTerminated
                             : chunk.truncated[i] ? SegmentEnd::kTruncated
                                                  : SegmentEnd::kCut;
      stream.rows.push_back({chunk.first_step + i, chunk.policy_version[i], end});
    }
    Drop();
  }
  void Cut(uint32_t actor) {
    for (auto& [key, stream] : streams_) stream.live &= std::get<0>(key) != actor;
    Forget();
  }
  void DropOlder(uint32_t version_min) {
    version_min_ = version_min;
    Drop();
  }
  // The rows of a rollout, stream by stream; empty: it cannot be filled.
  std::map<Key, std::vector<Row>> Take(const RolloutRequest& request) {
    std::map<Key, int64_t> shares;
    if (!Share(request, &shares)) return {};
    std::map<Key, std::vector<Row>> taken;
    for (const auto& [key, share] : shares) {
      std::deque<Row>& rows = streams_.at(key).rows;
      if (share > 0) taken[key].assign(rows.begin(), rows.begin() + share);
      rows.erase(rows.begin(), rows.begin() + share);
    }
    Forget();
    return taken;
  }
  int64_t size() const {
    int64_t rows = 0;
    for (const auto& [key, stream] : streams_) rows += static_cast<int64_t>(stream.rows.size());
    return rows;
  }
  int64_t dropped() const { return dropped_; }

 private:
  void Drop() {
    for (auto& [key, stream] : streams_) {
      dropped_ += static_cast<int64_t>(std::erase_if(
          stream.rows, [this](const Row& row) { return row.version < version_min_; }));
    }
    Forget();
  }
  void Forget() {
    std::erase_if(streams_, [](const auto& entry) {
      return !entry.second.live && entry.second.rows.empty();
    });
  }
  static int64_t Available(const Stream& stream, uint32_t version_max) {
    return std::find_if(stream.rows.begin(), stream.rows.end(),
                        [&](const Row& row) { return row.version > version_max; }) -
           stream.rows.begin();
  }
  bool Share(const RolloutRequest& request, std::map<Key, int64_t>* shares) const {
    int64_t owed = request.steps;
    int64_t live = 0;
    for (const auto& [key, stream] : streams_) {
      live += stream.live;
      if (stream.live) continue;
      (*shares)[key] = std::min(owed, Available(stream, request.version_max));
      owed -= (*shares)[key];
    }
    if (live == 0) return owed == 0;
    for (const auto& [key, stream] : streams_) {
      if (!stream.live) continue;
      const int64_t rows = Available(stream, request.version_max);
      int64_t before = 0;  // live streams that get a row of the remainder rather than this one
      for (const auto& [other_key, other] : streams_) {
        const int64_t others = Available(other, request.version_max);
        before += other.live && (others > rows || (others == rows && other_key < key));
      }
      (*shares)[key] = owed / live + (before < owed % live ? 1 : 0);
      if ((*shares)[key] > rows) return false;
    }
    return true;
  }

  std::map<Key, Stream> streams_;
  uint32_t version_min_ = 0;
  int64_t dropped_ = 0;
};

// What a rollout must be, given its rows.
void ExpectRollout(const Rollout& rollout, const std::map<Model::Key, std::vector<Row>>& wanted) {
  ASSERT_OK(ValidateRollout(rollout));
  std::vector<std::tuple<Model::Key, Row>> rows;
  for (const auto& [key, of_stream] : wanted) {
    for (const Row& row : of_stream) rows.push_back({key, row});
  }
  ASSERT_EQ(RowNames(rollout).size(), rows.size());
  size_t segment = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto& [key, row] = rows[i];
    const RolloutSegment& at = rollout.segments[segment];
    ASSERT_EQ((Model::Key{at.actor, at.env, at.epoch}), key);
    ASSERT_EQ(rollout.reward[i], static_cast<float>(row.step));
    ASSERT_EQ(rollout.policy_version[i], row.version);
    const bool continues = i + 1 < rows.size() && std::get<0>(rows[i + 1]) == key &&
                           std::get<1>(rows[i + 1]).step == row.step + 1 &&
                           row.end == SegmentEnd::kCut;
    const bool is_last = static_cast<int64_t>(i) + 1 == at.start + at.length;
    ASSERT_EQ(is_last, !continues) << "row " << i;
    if (!is_last) continue;
    ASSERT_EQ(at.end, row.end);
    ASSERT_EQ(rollout.bootstrap_obs[2 * segment], ObsValue(at.actor, at.env, row.step + 1));
    ++segment;
  }
  ASSERT_EQ(segment, rollout.segments.size());
}

class ModelSim {
 public:
  explicit ModelSim(uint64_t seed)
      : rng_(seed, RngRole::kReplay, 0), queue_({.rollout_steps = 40, .max_lag = 1}) {}

  void Step() {
    const uint64_t what = rng_.UniformInt(20);
    const uint32_t actor = static_cast<uint32_t>(rng_.UniformInt(kActors));
    if (what == 0) {
      queue_.CutActor(0, actor);
      model_.Cut(actor);
    } else if (what == 1) {
      ++epoch_[actor];
      for (uint64_t& step : next_step_[actor]) step = 0;
    } else if (what == 2) {
      ++version_;
    } else if (what < 6) {
      Take();
    } else {
      Append(actor, static_cast<uint32_t>(rng_.UniformInt(kEnvs)));
    }
    ASSERT_EQ(queue_.size(), model_.size());
    ASSERT_EQ(queue_.dropped(), model_.dropped());
    // Every row is somewhere, once.
    ASSERT_EQ(queue_.inserted(), sent_);
    ASSERT_EQ(sent_, taken_ + queue_.dropped() + queue_.size());
  }

 private:
  void Append(uint32_t actor, uint32_t env) {
    uint64_t& step = next_step_[actor][env];
    if (rng_.UniformInt(8) == 0) step += 1 + rng_.UniformInt(5);  // lost
    const uint64_t end = rng_.UniformInt(6);
    Chunk chunk = VersionChunk(
        {.actor = actor,
         .epoch = epoch_[actor],
         .env = env,
         .first_step = step,
         .rows = 1 + static_cast<uint32_t>(rng_.UniformInt(rng_.UniformInt(4) == 0 ? 64 : 8)),
         .terminated = end == 0,
         .truncated = end == 1},
        version_);
    const uint64_t news = rng_.UniformInt(chunk.rows + 1);  // a new policy came on the way
    if (rng_.UniformInt(4) == 0) ++version_;
    for (uint64_t i = news; i < chunk.rows; ++i) chunk.policy_version[i] = version_;
    step += chunk.rows;
    sent_ += chunk.rows;
    if (epoch_[actor] != seen_epoch_[actor]) model_.Cut(actor);
    seen_epoch_[actor] = epoch_[actor];
    ASSERT_OK(queue_.Append(chunk));
    model_.Append(chunk);
  }

  void Take() {
    const uint32_t back = static_cast<uint32_t>(rng_.UniformInt(4));
    RolloutRequest request = {.steps = 1 + static_cast<int64_t>(rng_.UniformInt(40)),
                              .version_min = version_ - std::min(version_, back)};
    if (rng_.UniformInt(4) == 0) request.version_max = version_;
    queue_.DropOlder(request.version_min);
    model_.DropOlder(request.version_min);
    const auto wanted = model_.Take(request);
    ASSERT_EQ(queue_.CanTake(request), !wanted.empty()) << queue_.ExplainTake(request);
    if (wanted.empty()) return;
    queue_.Take(request, &rollout_);
    taken_ += request.steps;
    ExpectRollout(rollout_, wanted);
  }

  Rng rng_;
  RolloutTable queue_;
  Model model_;
  Rollout rollout_;
  uint32_t version_ = 1;
  uint32_t epoch_[kActors] = {};
  uint32_t seen_epoch_[kActors] = {};
  uint64_t next_step_[kActors][kEnvs] = {};
  int64_t sent_ = 0;
  int64_t taken_ = 0;
};

TEST(FifoSelectorSimTest, GivesTheRowsThatTheModelGivesEachOnce) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    ModelSim sim(seed);
    for (int i = 0; i < 300; ++i) {
      sim.Step();
      if (HasFatalFailure()) FAIL() << "seed " << seed << " step " << i;
    }
  }
}

// An actor as the writers make it: steps its environments together, sends a chunk when it is full
// or an episode ends, and waits with the first that has no room.
class SimActor {
 public:
  SimActor(uint32_t actor, int envs) : actor_(actor), envs_(static_cast<size_t>(envs)) {}

  const Chunk& Front(Rng* rng) {
    while (chunks_.empty()) StepAll(rng);
    return chunks_.front();
  }
  void Pop() { chunks_.pop_front(); }
  void Restart() {
    ++epoch_;
    chunks_.clear();
    std::fill(envs_.begin(), envs_.end(), Env{});
  }

 private:
  struct Env {
    uint64_t first_step = 0;
    uint32_t rows = 0;
  };
  void StepAll(Rng* rng) {
    for (size_t i = 0; i < envs_.size(); ++i) {
      Env& env = envs_[i];
      ++env.rows;
      const bool ends = rng->UniformInt(30) == 0;
      if (!ends && env.rows < kPageRows) continue;
      chunks_.push_back(VersionChunk({.actor = actor_,
                                      .epoch = epoch_,
                                      .env = static_cast<uint32_t>(i),
                                      .first_step = env.first_step,
                                      .rows = env.rows,
                                      .terminated = ends},
                                     1));
      env = {env.first_step + env.rows, 0};
    }
  }

  uint32_t actor_;
  uint32_t epoch_ = 0;
  std::vector<Env> envs_;
  std::deque<Chunk> chunks_;
};

// Rollouts smaller and larger than a chunk for each environment, without lag and with.
TEST(FifoSelectorSimTest, WhenNobodyHasRoomARolloutIsReady) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Rng rng(seed, RngRole::kReplay, 1);
    const int envs = 1 + static_cast<int>(rng.UniformInt(4));
    const int64_t steps = kActors * envs * (1 + static_cast<int64_t>(rng.UniformInt(150))) +
                          static_cast<int64_t>(rng.UniformInt(5));
    const int lag = static_cast<int>(rng.UniformInt(3));
    RolloutTable queue({.rollout_steps = steps, .max_lag = lag});
    std::vector<SimActor> actors;
    for (uint32_t a = 0; a < kActors; ++a) actors.emplace_back(a, envs);
    Rollout rollout;
    int taken = 0;
    while (taken < 20) {
      std::vector<size_t> free;
      for (size_t a = 0; a < actors.size(); ++a) {
        if (queue.CanInsert(actors[a].Front(&rng))) free.push_back(a);
      }
      if (free.empty()) {
        ASSERT_TRUE(queue.CanTake({.steps = steps}))
            << "seed " << seed << ": " << queue.ExplainTake({.steps = steps});
        queue.Take({.steps = steps}, &rollout);
        ++taken;
        continue;
      }
      const size_t a = free[rng.UniformInt(free.size())];
      ASSERT_OK(queue.Append(actors[a].Front(&rng)));
      actors[a].Pop();
      // Rows held stay within the limit, a chunk of each environment, and what a life left behind.
      ASSERT_LE(queue.size(), 3 * queue.rows_max() + 2 * 2 * kPageRows * kActors * envs);
      if (rng.UniformInt(200) == 0) queue.CutActor(0, static_cast<uint32_t>(a));
      if (rng.UniformInt(200) == 0) actors[a].Restart();
    }
  }
}

}  // namespace
}  // namespace pmoe
