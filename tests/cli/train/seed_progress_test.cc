#include "cli/train/seed_progress.h"

#include "gtest/gtest.h"

namespace pmoe {
namespace {

MemberView View(uint64_t seed, MemberState state, int64_t env_steps) {
  MemberView view;
  view.seed = seed;
  view.state = state;
  view.progress.env_steps = env_steps;
  view.progress.total_steps = 1000;
  return view;
}

TEST(SeedProgressTest, StepsAreSummedOverAllAndRatesOverThoseAtWork) {
  std::vector<MemberView> views = {
      View(1, MemberState::kFinished, 1000), View(2, MemberState::kRunning, 500),
      View(3, MemberState::kRunning, 250), View(4, MemberState::kWaiting, 0)};
  for (MemberView& view : views) {
    view.progress.env_steps_per_s = 10.0;
    view.progress.updates_per_s = 5.0;
  }
  views[0].progress.eval_return = 3.0;
  views[2].progress.eval_return = 1.0;
  const ProgressState sum = SumOf(views, 7.0);
  EXPECT_EQ(FormatProgress("", sum, 0),
            "1,750/4,000 43.8 %  ETA 1 min 53 s  slowest seed 3 25.0 %, 1 waiting  20.0 env "
            "steps/s  10.0 updates/s  eval 2.0");
}

TEST(SeedProgressTest, TheSlowestIsTheOneWithTheLeastOfItsShareDone) {
  std::vector<MemberView> views = {View(1, MemberState::kRunning, 500),
                                   View(2, MemberState::kRunning, 400)};
  views[0].progress.total_steps = 2000;
  EXPECT_EQ(SumOf(views, 1.0).more, "slowest seed 1 25.0 %");
}

TEST(SeedProgressTest, WhenNoneIsAtWorkNoneIsSlowest) {
  EXPECT_EQ(SumOf({View(1, MemberState::kFinished, 1000)}, 1.0).more, "");
  EXPECT_EQ(SumOf({View(1, MemberState::kWaiting, 0)}, 1.0).more, "1 waiting");
}

}  // namespace
}  // namespace pmoe
