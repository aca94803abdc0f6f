#include "common/metrics/progress.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/written_file.h"

namespace pmoe {
namespace {

ProgressState At(int64_t env_steps, double elapsed_s) {
  ProgressState state;
  state.env_steps = env_steps;
  state.total_steps = 1000;
  state.elapsed_s = elapsed_s;
  state.env_steps_per_s = 10;
  state.updates_per_s = 5;
  return state;
}

TEST(FormatProgressTest, ShowsStepShareTimeRatesAndReturn) {
  ProgressState state;
  state.env_steps = 12000;
  state.total_steps = 1000000;
  state.env_steps_per_s = 1234.4;
  state.updates_per_s = 99.94;
  EXPECT_EQ(FormatProgress("Hopper-v5", state, 0),
            "Hopper-v5  12,000/1,000,000 1.2 %  ETA 13 min 20 s  1,234 env steps/s  "
            "99.9 updates/s");
  state.eval_return = -4321.06;
  EXPECT_EQ(FormatProgress("", state, 0),
            "12,000/1,000,000 1.2 %  ETA 13 min 20 s  1,234 env steps/s  99.9 updates/s  "
            "eval -4321.1");
}

TEST(FormatProgressTest, WhatElseThereIsToSayStandsBehindTheTimeLeft) {
  ProgressState state = At(500, 50);
  state.more = "slowest seed 4 40.0 %";
  EXPECT_EQ(FormatProgress("", state, 0),
            "500/1,000 50.0 %  ETA 50 s  slowest seed 4 40.0 %  10.0 env steps/s  5.0 updates/s");
}

TEST(FormatProgressTest, TimesGrowFromSecondsToDays) {
  ProgressState state;
  state.total_steps = 1000000000;
  const auto eta = [&](double seconds) {
    state.env_steps_per_s = static_cast<double>(state.total_steps) / seconds;
    const std::string line = FormatProgress("", state, 0);
    const size_t begin = line.find("ETA ");
    return line.substr(begin, line.find("  ", begin) - begin);
  };
  EXPECT_EQ(eta(59), "ETA 59 s");
  EXPECT_EQ(eta(60), "ETA 1 min 00 s");
  EXPECT_EQ(eta(11100), "ETA 3 h 05 min");
  EXPECT_EQ(eta(200000), "ETA 2 d 07 h");
}

TEST(FormatProgressTest, WithoutARateTheTimeIsUnknown) {
  ProgressState state;
  state.total_steps = 100;
  for (const double rate : {0.0, std::numeric_limits<double>::quiet_NaN(), 1e-300}) {
    state.env_steps_per_s = rate;
    EXPECT_NE(FormatProgress("", state, 0).find("ETA ?"), std::string::npos);
  }
}

TEST(FormatProgressTest, TheEndTellsTheTimeTaken) {
  EXPECT_NE(FormatProgress("", At(1000, 75), 0).find("done in 1 min 15 s"), std::string::npos);
}

TEST(FormatProgressTest, IsCutToTheWidth) {
  const std::string whole = FormatProgress("", At(10, 1), 0);
  EXPECT_EQ(FormatProgress("", At(10, 1), 20), whole.substr(0, 20));
  EXPECT_EQ(FormatProgress("", At(10, 1), 500), whole);
}

class ProgressPrinterTest : public ::testing::Test {
 protected:
  ProgressPrinterTest() { options_.log = &pipe_; }

  // What was printed since the last call.
  std::string Printed() { return out_.Fresh(); }

  WrittenFile out_;
  Logger pipe_{out_.fd(), /*terminal=*/false};
  Logger terminal_{out_.fd(), /*terminal=*/true};
  ProgressOptions options_;
};

TEST_F(ProgressPrinterTest, PipesGetAPlainLinePerInterval) {
  options_.plain_every_steps = 100;
  ProgressPrinter printer(options_);
  printer.Update(At(0, 0));
  printer.Update(At(50, 1));
  EXPECT_EQ(Printed(), "");
  printer.Update(At(100, 2));
  EXPECT_EQ(Printed(), FormatProgress("", At(100, 2), 0) + "\n");
  printer.Update(At(150, 3));
  EXPECT_EQ(Printed(), "");
  printer.Update(At(370, 4));
  EXPECT_EQ(Printed(), FormatProgress("", At(370, 4), 0) + "\n");
}

TEST_F(ProgressPrinterTest, AResumedRunWaitsForItsFirstIntervalsEnd) {
  options_.plain_every_steps = 100;
  ProgressPrinter printer(options_);
  printer.Update(At(510, 1));
  EXPECT_EQ(Printed(), "");
  printer.Update(At(600, 2));
  EXPECT_EQ(Printed(), FormatProgress("", At(600, 2), 0) + "\n");
}

TEST_F(ProgressPrinterTest, ALongFirstRoundGetsItsLine) {
  options_.plain_every_steps = 100;
  ProgressPrinter printer(options_);
  printer.Update(At(100, 1));
  EXPECT_EQ(Printed(), FormatProgress("", At(100, 1), 0) + "\n");
}

TEST_F(ProgressPrinterTest, FinishPrintsTheLastStateOnce) {
  options_.plain_every_steps = 100;
  ProgressPrinter printer(options_);
  printer.Update(At(100, 1));
  Printed();
  printer.Update(At(160, 2));
  printer.Finish();
  EXPECT_EQ(Printed(), FormatProgress("", At(160, 2), 0) + "\n");
  printer.Finish();
  EXPECT_EQ(Printed(), "");
}

TEST_F(ProgressPrinterTest, TerminalsRedrawOneLineThatFits) {
  options_.log = &terminal_;
  options_.width = 31;
  ProgressPrinter printer(options_);
  printer.Update(At(10, 1));
  EXPECT_EQ(Printed(), "\r\x1b[K" + FormatProgress("", At(10, 1), 30));
  printer.Update(At(20, 1.05));
  EXPECT_EQ(Printed(), "") << "redrawn ten times a second at most";
  printer.Update(At(30, 1.2));
  EXPECT_EQ(Printed(), "\r\x1b[K" + FormatProgress("", At(30, 1.2), 30));
  printer.Finish();
  EXPECT_EQ(Printed(), "\r\x1b[K" + FormatProgress("", At(30, 1.2), 30) + "\n");
}

// The run's meter was asked at every update, of which there are thousands a second.
TEST_F(ProgressPrinterTest, WhatTakesTimeToKnowIsAskedForOnlyWhereALineIsShown) {
  int asked = 0;
  options_.log = &terminal_;
  options_.width = 200;
  options_.complete = [&](ProgressState* state) {
    ++asked;
    state->updates_per_s = 77;
  };
  ProgressPrinter printer(options_);
  for (int i = 0; i < 95; ++i) printer.Update(At(i, i / 128.0));
  EXPECT_EQ(asked, 8) << "ten redraws a second at most";
  Printed();
  printer.Finish();
  EXPECT_EQ(asked, 9);
  EXPECT_THAT(Printed(), ::testing::HasSubstr("77.0 updates/s"));
}

TEST_F(ProgressPrinterTest, TheLastStepIsAlwaysDrawn) {
  options_.log = &terminal_;
  options_.width = 200;
  ProgressPrinter printer(options_);
  printer.Update(At(990, 1));
  Printed();
  printer.Update(At(1000, 1.01));
  EXPECT_EQ(Printed(), "\r\x1b[K" + FormatProgress("", At(1000, 1.01), 0));
}

}  // namespace
}  // namespace pmoe
