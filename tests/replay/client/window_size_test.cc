#include "replay/client/window_size.h"

#include <chrono>
#include <deque>

#include "gtest/gtest.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

// A writer that always has rows, and a shard that takes a chunk each `every` and answers after
// `round_trip` at the earliest. Returns how long the last chunk waited, and how many were taken.
struct Flow {
  Clock::Duration waited{};
  int taken = 0;
};
Flow Play(WindowSize* size, milliseconds every, milliseconds round_trip, milliseconds time) {
  Flow flow;
  std::deque<milliseconds> sent;  // when
  milliseconds free_at(0);        // the shard
  for (milliseconds now(0); now < time; now += milliseconds(1)) {
    const bool full = sent.size() >= size->chunks();
    while (!sent.empty() && now >= sent.front() + round_trip && now >= free_at) {
      flow.waited = now - sent.front();
      size->OnAck(flow.waited, full);
      sent.pop_front();
      free_at = now + every;
      ++flow.taken;
      if (every > milliseconds(0)) break;
    }
    while (sent.size() < size->chunks()) sent.push_back(now);
  }
  return flow;
}

TEST(WindowSizeTest, WithoutFreshnessItIsTheBound) {
  WindowSize size(64, /*keep_fresh=*/false);
  size.OnAck(std::chrono::seconds(100), true);
  EXPECT_EQ(size.chunks(), 64u);
}

TEST(WindowSizeTest, BehindASlowLearnerRowsWaitForHalfASecondAtMostUnlessTwoChunksTakeLonger) {
  for (const int every_ms : {10, 50, 200}) {
    WindowSize size(64, /*keep_fresh=*/true);
    const Flow flow =
        Play(&size, milliseconds(every_ms), milliseconds(1), std::chrono::seconds(60));
    EXPECT_LE(flow.waited, milliseconds(500 + every_ms)) << every_ms;
    EXPECT_NEAR(flow.taken, 60'000 / every_ms, 0.02 * 60'000 / every_ms) << every_ms;
  }
  WindowSize size(64, /*keep_fresh=*/true);
  Play(&size, std::chrono::seconds(2), milliseconds(1), std::chrono::seconds(60));
  EXPECT_EQ(size.chunks(), 2u);
}

TEST(WindowSizeTest, ALongWayIsFilledHoweverLongTheConnectionTookToOpen) {
  for (const int round_trip_ms : {200, 300, 700}) {
    WindowSize size(64, /*keep_fresh=*/true);
    for (int i = 0; i < 4; ++i) size.OnAck(milliseconds(4 * round_trip_ms), true);
    Play(&size, milliseconds(0), milliseconds(round_trip_ms), std::chrono::seconds(10));
    EXPECT_EQ(size.chunks(), 64u) << round_trip_ms;
  }
}

TEST(WindowSizeTest, AfterAPauseItGrowsAgain) {
  WindowSize size(64, /*keep_fresh=*/true);
  size.OnAck(milliseconds(1), true);
  size.OnAck(std::chrono::seconds(10), true);
  EXPECT_EQ(size.chunks(), 2u);
  Play(&size, milliseconds(0), milliseconds(1), std::chrono::seconds(1));
  EXPECT_EQ(size.chunks(), 64u);
}

TEST(WindowSizeTest, AWriterThatNeedsNoMoreKeepsItSmall) {
  WindowSize size(64, /*keep_fresh=*/true);
  for (int i = 0; i < 1000; ++i) size.OnAck(milliseconds(1), /*full=*/false);
  EXPECT_EQ(size.chunks(), 4u);
}

TEST(WindowSizeTest, ABoundBelowTwoHolds) {
  WindowSize size(1, /*keep_fresh=*/true);
  size.OnAck(milliseconds(1), true);
  size.OnAck(std::chrono::seconds(1), true);
  EXPECT_EQ(size.chunks(), 1u);
}

}  // namespace
}  // namespace pmoe
