#include "replay/client/insert_window.h"

#include <deque>
#include <vector>

#include "common/base/rng.h"
#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

EncodedChunk Numbered(uint64_t seq) { return {.seq = seq}; }

InsertReply Reply(uint64_t next_seq, uint32_t credits = 8, bool draining = false) {
  InsertReply reply;
  reply.set_next_seq(next_seq);
  reply.set_credits(credits);
  reply.set_draining(draining);
  return reply;
}

TEST(InsertWindowTest, SendsNothingBeforeTheFirstReply) {
  InsertWindow window;
  window.Push(Numbered(0));
  window.OnConnect();
  EXPECT_FALSE(window.can_send());
  ASSERT_OK(window.OnReply(Reply(0)));
  EXPECT_TRUE(window.can_send());
}

TEST(InsertWindowTest, KeepsWhatIsNotAcknowledged) {
  InsertWindow window;
  window.Push(Numbered(0));
  window.Push(Numbered(1));
  EXPECT_EQ(window.held(), 2u);
  window.OnConnect();
  ASSERT_OK(window.OnReply(Reply(1)));
  EXPECT_EQ(window.held(), 1u);
  EXPECT_EQ(window.first_seq_held(), 1u);
  EXPECT_EQ(window.TakeNext().seq, 1u);
}

TEST(InsertWindowTest, StopsWhenCreditsAreUsedUp) {
  InsertWindow window;
  for (uint64_t seq = 0; seq < 3; ++seq) window.Push(Numbered(seq));
  window.OnConnect();
  ASSERT_OK(window.OnReply(Reply(0, /*credits=*/2)));
  window.TakeNext();
  window.TakeNext();
  EXPECT_FALSE(window.can_send());
  ASSERT_OK(window.OnReply(Reply(1, /*credits=*/2)));
  EXPECT_TRUE(window.can_send());
}

TEST(InsertWindowTest, SendsAgainFromWhereTheShardIs) {
  InsertWindow window;
  for (uint64_t seq = 0; seq < 3; ++seq) window.Push(Numbered(seq));
  window.OnConnect();
  ASSERT_OK(window.OnReply(Reply(0)));
  for (int i = 0; i < 3; ++i) window.TakeNext();
  window.OnConnect();
  ASSERT_OK(window.OnReply(Reply(1)));
  EXPECT_EQ(window.TakeNext().seq, 1u);
}

TEST(InsertWindowTest, SendsNothingToAShardThatLeaves) {
  InsertWindow window;
  window.Push(Numbered(0));
  window.OnConnect();
  ASSERT_OK(window.OnReply(Reply(0, 8, /*draining=*/true)));
  EXPECT_TRUE(window.draining());
  EXPECT_FALSE(window.can_send());
  window.OnConnect();
  ASSERT_OK(window.OnReply(Reply(0)));
  EXPECT_TRUE(window.can_send());
}

TEST(InsertWindowTest, RefusesAShardOfAnotherHistory) {
  InsertWindow window;
  window.Push(Numbered(0));
  window.OnConnect();
  EXPECT_THAT(window.OnReply(Reply(7)),
              FailsWith(absl::StatusCode::kFailedPrecondition, "waits for chunk 7"));
}

TEST(InsertWindowTest, RefusesAShardThatWantsWhatItAcknowledgedLongAgo) {
  InsertWindow window;
  for (uint64_t seq = 0; seq < 3; ++seq) window.Push(Numbered(seq));
  window.OnConnect();
  ASSERT_OK(window.OnReply(Reply(0)));
  for (int i = 0; i < 3; ++i) window.TakeNext();
  ASSERT_OK(window.OnReply(Reply(2)));
  window.OnConnect();
  EXPECT_THAT(window.OnReply(Reply(1)),
              FailsWith(absl::StatusCode::kFailedPrecondition, "holds its chunks from 2 on"));
  EXPECT_FALSE(window.can_send());
}

TEST(InsertWindowTest, RefusesAnAcknowledgementOfWhatWasNotSent) {
  InsertWindow window;
  for (uint64_t seq = 0; seq < 3; ++seq) window.Push(Numbered(seq));
  window.OnConnect();
  ASSERT_OK(window.OnReply(Reply(0)));
  window.TakeNext();
  EXPECT_THAT(window.OnReply(Reply(2)), FailsWith(absl::StatusCode::kFailedPrecondition, "sent 1"));
}

TEST(InsertWindowTest, CountsTheRowsThatWereAcknowledged) {
  InsertWindow window;
  for (uint64_t seq = 0; seq < 3; ++seq) {
    window.Push({.seq = seq, .rows = 10 + static_cast<uint32_t>(seq)});
  }
  window.OnConnect();
  ASSERT_OK(window.OnReply(Reply(0)));
  for (int i = 0; i < 3; ++i) window.TakeNext();
  ASSERT_OK(window.OnReply(Reply(2)));
  EXPECT_EQ(window.rows_acked(), 21u);
}

TEST(InsertWindowTest, GoesOnFromACheckpoint) {
  InsertWindow window;
  window.StartAt(120);
  window.Push(Numbered(120));
  window.OnConnect();
  ASSERT_OK(window.OnReply(Reply(120)));
  EXPECT_EQ(window.TakeNext().seq, 120u);
}

// A shard as the protocol sees it, and a wire that loses what is on it when it breaks, or brings it
// late: the shard may still read from a stream whose writer has come back with another one. The
// shard may leave, and may be set back to a checkpoint, as one that was killed is.
class Simulation {
 public:
  explicit Simulation(uint64_t seed) : rng_(seed, RngRole::kBackoff, 0) {}

  void Step() {
    switch (rng_.UniformInt(12)) {
      case 0:
        return Connect();
      case 1:
        if (rng_.UniformInt(4) == 0) RestartShard();
        return;
      case 2:
        checkpoint_ = inserted_;
        return;
      case 3:
      case 4:
      case 5:
        if (window_.held() < 6) window_.Push(Numbered(window_.next_seq()));
        return;
      case 6:
      case 7:
        if (window_.can_send()) up_.push_back(window_.TakeNext().seq);
        return;
      case 8:
        return Arrive();
      case 9:
        return ArriveLate();
      case 10:
        if (rng_.UniformInt(4) == 0) draining_ = true;
        return;
      default:
        return Acknowledge();
    }
  }

  // Lets everything arrive.
  void Settle() {
    Connect();
    for (int i = 0; i < 200; ++i) {
      Acknowledge();
      ArriveLate();
      if (window_.can_send()) up_.push_back(window_.TakeNext().seq);
      Arrive();
    }
  }

  const std::vector<uint64_t>& inserted() const { return inserted_; }
  const std::vector<uint64_t>& lost() const { return lost_; }
  const InsertWindow& window() const { return window_; }
  int duplicates() const { return duplicates_; }

 private:
  void Connect() {
    if (rng_.UniformInt(2) == 0) up_.clear();
    late_ = std::move(up_);
    up_.clear();
    down_.clear();
    draining_ = false;
    window_.OnConnect();
    // The hello: what the writer no longer has is lost.
    for (; wanted_ < window_.first_seq_held(); ++wanted_) lost_.push_back(wanted_);
    down_.push_back(wanted_);
  }
  void RestartShard() {
    inserted_ = checkpoint_;
    wanted_ = inserted_.empty() ? 0 : inserted_.back() + 1;
    up_.clear();
    late_.clear();
    std::erase_if(lost_, [this](uint64_t seq) { return seq >= wanted_; });
    Connect();
  }
  void Arrive() {
    if (up_.empty()) return;
    const uint64_t seq = up_.front();
    up_.pop_front();
    ASSERT_LE(seq, wanted_) << "a gap";
    Insert(seq);
    // As many as this stream has brought, not what another one has.
    down_.push_back(seq + 1);
  }
  // Nobody hears the answer. A gap is refused, and ends the old stream for good.
  void ArriveLate() {
    if (late_.empty()) return;
    const uint64_t seq = late_.front();
    late_.pop_front();
    if (seq > wanted_) {
      late_.clear();
    } else {
      Insert(seq);
    }
  }
  void Insert(uint64_t seq) {
    if (seq < wanted_) {
      ++duplicates_;
      return;
    }
    inserted_.push_back(seq);
    ++wanted_;
  }
  void Acknowledge() {
    if (down_.empty()) return;
    const uint32_t credits = static_cast<uint32_t>(1 + rng_.UniformInt(4));
    ASSERT_OK(window_.OnReply(Reply(down_.front(), credits, draining_)));
    ASSERT_FALSE(draining_ && window_.can_send());
    down_.pop_front();
  }

  Rng rng_;
  InsertWindow window_;
  std::deque<uint64_t> up_, down_;  // on the wire
  std::deque<uint64_t> late_;       // of the stream before
  bool draining_ = false;
  int duplicates_ = 0;
  std::vector<uint64_t> inserted_, checkpoint_, lost_;
  uint64_t wanted_ = 0;
};

TEST(InsertWindowTest, EveryChunkEntersOnceInOrderWhateverBreaks) {
  int duplicates = 0;
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    Simulation simulation(seed);
    for (int i = 0; i < 300; ++i) simulation.Step();
    simulation.Settle();
    const std::vector<uint64_t>& inserted = simulation.inserted();
    for (size_t i = 1; i < inserted.size(); ++i) ASSERT_LT(inserted[i - 1], inserted[i]) << seed;
    // Nothing is missing but what a shard that was set back lost.
    ASSERT_EQ(inserted.size() + simulation.lost().size(), simulation.window().next_seq()) << seed;
    ASSERT_EQ(simulation.window().held(), 0u) << seed;
    duplicates += simulation.duplicates();
  }
  EXPECT_GT(duplicates, 1000) << "the simulation must be rough enough";
}

}  // namespace
}  // namespace pmoe
