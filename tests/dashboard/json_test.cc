#include "dashboard/json.h"

#include <limits>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace pmoe {
namespace {

std::string Number(double value, bool exact) {
  std::string text;
  AppendJsonNumber(value, exact, &text);
  return text;
}

TEST(JsonTest, LargeStepCountsAreNotRounded) { EXPECT_EQ(Number(100'000'001, false), "100000001"); }

TEST(JsonTest, ExactNumbersReadBackAsTheSameBits) {
  EXPECT_EQ(std::stod(Number(0.1 + 0.2, true)), 0.1 + 0.2);
  EXPECT_EQ(Number(0.1 + 0.2, false), "0.3");
}

TEST(JsonTest, NumbersThatJsonDoesNotHaveAreNull) {
  EXPECT_EQ(Number(std::numeric_limits<double>::quiet_NaN(), true), "null");
  EXPECT_EQ(Number(std::numeric_limits<double>::infinity(), false), "null");
  EXPECT_EQ(nlohmann::json::parse(Number(1e300, false)), 1e300);
}

TEST(JsonTest, AnyBytesBecomeText) {
  const auto read = nlohmann::json::parse(JsonText("a\"\n\x01</script>\xff"));
  EXPECT_EQ(read.get<std::string>(), "a\"\n\x01</script>\uFFFD");
}

TEST(JsonTest, AHistoryHasItsPointsFromThere) {
  History history({"env_steps", "alpha", "entropy"});
  const double absent = std::numeric_limits<double>::quiet_NaN();
  history.Add({1.0, 0.25, absent});
  history.Add({2.0, absent, absent});
  history.Add({3.0, 0.75, absent});
  const auto read = nlohmann::json::parse(HistoryJson(history, 1));
  EXPECT_EQ(read["from"], 1);
  EXPECT_EQ(read["columns"].dump(), R"({"alpha":[null,0.75],"env_steps":[2,3]})");
  EXPECT_EQ(read["latest"].dump(), R"({"alpha":0.75,"env_steps":3})");
}

}  // namespace
}  // namespace pmoe
