// `pmoe env trace` as a user runs it, and the table of actions that it reads.
#include "actor/env_trace.h"

#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/str_split.h"
#include "tests/actor/env/oracle.h"
#include "tests/testing/paths.h"
#include "tests/testing/run_process.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

TEST(ParseActionsTest, ReadsDecimalAndHexadecimalRows) {
  const auto actions = ParseActions("0.1, -2e-3\r\n0x1.8p-1,5\n\n", 2, "a.csv");
  ASSERT_OK(actions);
  EXPECT_EQ(*actions, (std::vector<double>{0.1, -2e-3, 0.75, 5.0}));
}

TEST(ParseActionsTest, NamesLineAndFieldOfWhatIsNoNumber) {
  const auto fails = [](const std::string& text, const std::string& part) {
    EXPECT_THAT(ParseActions(text, 2, "a.csv"), IsInvalid(part));
  };
  fails("1,2\n3,x\n", "a.csv, line 2: field 2 is \"x\"");
  fails("1,\n", "field 2 is \"\"");
  fails("nan,1\n", "field 1 is \"nan\"");
  fails("1,inf\n", "field 2 is \"inf\"");
  fails("1,2\n1\n", "line 2: 1 numbers; this environment's action has 2");
  fails("1,2,3\n", "line 1: 3 numbers");
}

class EnvTraceTest : public ::testing::Test {
 protected:
  ProcessResult Trace(const std::string& id, const std::string& actions) {
    std::ofstream(dir_.File("actions.csv")) << actions;
    return RunProcess({Binary("pmoe"), "env", "trace", "--env", id, "--seed", "11", "--actions",
                       dir_.File("actions.csv")});
  }

  TempDir dir_;
};

// Python writes the actions and what Gymnasium did with them, both as text.
TEST_F(EnvTraceTest, PrintsWhatGymnasiumPrints) {
  for (const char* id : {"Hopper-v5", "Reacher-v5", "InvertedPendulum-v5"}) {
    const std::string text = RunOracle("gymnasium_csv.py", {id, "11", "150"});
    const std::vector<std::string> parts = absl::StrSplit(text, "--\n");
    ASSERT_EQ(parts.size(), 2u);
    const ProcessResult result = Trace(id, parts[0]);
    ASSERT_EQ(result.exit_code, 0) << result.output;
    const std::vector<std::string> got = absl::StrSplit(result.output, '\n');
    const std::vector<std::string> wanted = absl::StrSplit(parts[1], '\n');
    ASSERT_EQ(got.size(), wanted.size()) << id;
    EXPECT_EQ(got[0], wanted[0]) << id;
    for (size_t i = 1; i + 1 < got.size(); ++i) {
      const std::vector<std::string> ours = absl::StrSplit(got[i], ',');
      const std::vector<std::string> theirs = absl::StrSplit(wanted[i], ',');
      ASSERT_EQ(ours.size(), theirs.size()) << id << " row " << i;
      for (size_t j = 0; j < ours.size(); ++j) {
        ASSERT_EQ(ours[j].empty(), theirs[j].empty()) << id << " row " << i << " column " << j;
        if (ours[j].empty()) continue;
        ASSERT_EQ(std::stod(ours[j]), std::stod(theirs[j])) << id << " row " << i;
      }
    }
  }
}

TEST_F(EnvTraceTest, RefusesActionsOfAnotherSize) {
  const ProcessResult result = Trace("Hopper-v5", "0,0\n");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.output.find("actions.csv, line 1: 2 numbers; this environment's action has 3"),
            std::string::npos)
      << result.output;
}

}  // namespace
}  // namespace pmoe
