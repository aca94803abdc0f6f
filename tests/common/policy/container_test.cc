#include "common/policy/container.h"

#include <gtest/gtest.h>

#include "common/base/rng.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

using absl::StatusCode::kDataLoss;
using absl::StatusCode::kNotFound;

std::string TwoSections() {
  ContainerWriter writer;
  writer.Add("first", "abc");
  writer.Add("second", std::string(1, '\0'));
  return writer.Finish({ContainerKind::kCheckpoint, 11, 22, 33});
}

TEST(ContainerTest, GivesBackHeaderAndSections) {
  const auto reader = ContainerReader::Open(TwoSections());
  ASSERT_OK(reader);
  EXPECT_EQ(reader->header().kind, ContainerKind::kCheckpoint);
  EXPECT_EQ(reader->header().architecture_hash, 11u);
  EXPECT_EQ(reader->header().policy_version, 22u);
  EXPECT_EQ(reader->header().env_steps, 33u);
  EXPECT_EQ(*reader->Section("first"), "abc");
  EXPECT_EQ(*reader->Section("second"), std::string(1, '\0'));
}

TEST(ContainerTest, KeepsItsSectionsWhenMoved) {
  auto reader = ContainerReader::Open(TwoSections());
  ASSERT_OK(reader);
  const ContainerReader moved = *std::move(reader);
  EXPECT_EQ(*moved.Section("first"), "abc");
}

TEST(ContainerTest, HoldsNoSectionAtAll) {
  EXPECT_OK(ContainerReader::Open(ContainerWriter().Finish({})));
}

TEST(ContainerTest, NamesTheMissingSection) {
  const auto reader = ContainerReader::Open(TwoSections());
  ASSERT_OK(reader);
  EXPECT_THAT(reader->Section("third"), FailsWith(kNotFound, "third"));
}

TEST(ContainerTest, RefusesEveryTruncation) {
  const std::string bytes = TwoSections();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(ContainerReader::Open(bytes.substr(0, size)), FailsWith(kDataLoss, ".pmoe"))
        << size;
  }
}

TEST(ContainerTest, RefusesEveryFlippedBit) {
  const std::string bytes = TwoSections();
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    EXPECT_THAT(ContainerReader::Open(flipped), FailsWith(kDataLoss, ".pmoe")) << bit;
  }
}

TEST(ContainerTest, RefusesBytesAfterTheLastSection) {
  EXPECT_THAT(ContainerReader::Open(TwoSections() + "x"), FailsWith(kDataLoss, "after the last"));
}

TEST(ContainerTest, RefusesRandomBytes) {
  Rng rng(1, RngRole::kReplay, 0);
  for (int i = 0; i < 2000; ++i) {
    // Behind a good magic and schema, so that the section table is reached.
    std::string bytes = TwoSections().substr(0, 8);
    for (uint64_t n = rng.UniformInt(200); n > 0; --n) {
      bytes.push_back(static_cast<char>(rng.NextU32()));
    }
    EXPECT_THAT(ContainerReader::Open(bytes), FailsWith(kDataLoss, ".pmoe"));
  }
}

}  // namespace
}  // namespace pmoe
