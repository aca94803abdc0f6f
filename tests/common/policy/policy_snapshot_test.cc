#include "common/policy/policy_snapshot.h"

#include <gtest/gtest.h>

#include <limits>

#include "common/policy/container.h"
#include "tests/common/policy/sample_policy.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

using absl::StatusCode::kDataLoss;

// A container with valid checksums around whatever is wrong inside.
std::string Pack(ContainerHeader header, const std::string& spec, const std::string& weights) {
  ContainerWriter writer;
  writer.Add("spec", spec);
  writer.Add("weights", weights);
  return writer.Finish(header);
}

std::string SpecBytes(const PolicySpec& spec) {
  ByteWriter out;
  spec.Save(&out);
  return out.Take();
}

std::string WeightBytes(const PolicySnapshot& snapshot) {
  return std::string(reinterpret_cast<const char*>(snapshot.weights.data()),
                     snapshot.weights.size() * sizeof(float));
}

TEST(PolicySnapshotTest, ComesBackExactly) {
  const PolicySnapshot snapshot = SmallSnapshot();
  const auto decoded = PolicySnapshot::Decode(snapshot.Encode());
  ASSERT_OK(decoded);
  EXPECT_EQ(decoded->spec, snapshot.spec);
  EXPECT_EQ(decoded->version, snapshot.version);
  EXPECT_EQ(decoded->env_steps, snapshot.env_steps);
  EXPECT_EQ(decoded->weights, snapshot.weights);
  EXPECT_EQ(decoded->Encode(), snapshot.Encode());
}

PolicySnapshot NormalizingSnapshot() {
  PolicySnapshot snapshot = SmallSnapshot();
  snapshot.spec.normalizes_obs = true;
  snapshot.obs_mean = {0.25f};
  snapshot.obs_std = {2.0f};
  return snapshot;
}

TEST(PolicySnapshotTest, CarriesTheScaleOfObservations) {
  const auto decoded = PolicySnapshot::Decode(NormalizingSnapshot().Encode());
  ASSERT_OK(decoded);
  EXPECT_EQ(decoded->obs_mean, std::vector<float>{0.25f});
  EXPECT_EQ(decoded->obs_std, std::vector<float>{2.0f});
}

TEST(PolicySnapshotTest, RefusesAScaleOfObservationsThatNobodyCanUse) {
  for (const float bad : {0.0f, -1.0f, std::nanf(""), std::numeric_limits<float>::infinity()}) {
    PolicySnapshot snapshot = NormalizingSnapshot();
    snapshot.obs_std = {bad};
    EXPECT_THAT(PolicySnapshot::Decode(snapshot.Encode()), FailsWith(kDataLoss, "normaliser"));
  }
  PolicySnapshot two = NormalizingSnapshot();
  two.obs_mean = {0.0f, 0.0f};
  EXPECT_THAT(PolicySnapshot::Decode(two.Encode()), FailsWith(kDataLoss, "normaliser"));
}

TEST(PolicySnapshotTest, RefusesEveryTruncation) {
  const std::string bytes = SmallSnapshot().Encode();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(PolicySnapshot::Decode(bytes.substr(0, size)), FailsWith(kDataLoss, "")) << size;
  }
}

TEST(PolicySnapshotTest, RefusesEveryFlippedBit) {
  const std::string bytes = SmallSnapshot().Encode();
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    EXPECT_THAT(PolicySnapshot::Decode(flipped), FailsWith(kDataLoss, "")) << bit;
  }
}

TEST(PolicySnapshotTest, RefusesACheckpoint) {
  const PolicySnapshot snapshot = SmallSnapshot();
  EXPECT_THAT(PolicySnapshot::Decode(Pack({ContainerKind::kCheckpoint, snapshot.spec.Hash(), 1, 1},
                                          SpecBytes(snapshot.spec), WeightBytes(snapshot))),
              FailsWith(kDataLoss, "checkpoint"));
}

TEST(PolicySnapshotTest, RefusesAHeaderOfAnotherArchitecture) {
  const PolicySnapshot snapshot = SmallSnapshot();
  EXPECT_THAT(
      PolicySnapshot::Decode(Pack({ContainerKind::kSnapshot, snapshot.spec.Hash() + 1, 1, 1},
                                  SpecBytes(snapshot.spec), WeightBytes(snapshot))),
      FailsWith(kDataLoss, "hash"));
}

TEST(PolicySnapshotTest, RefusesWeightsThatDoNotFitTheSpec) {
  PolicySnapshot snapshot = SmallSnapshot();
  snapshot.weights.pop_back();
  EXPECT_THAT(PolicySnapshot::Decode(snapshot.Encode()), FailsWith(kDataLoss, "do not fit"));
}

TEST(PolicySnapshotTest, RefusesWeightsThatAreNotFinite) {
  for (const float bad : {std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity(), std::nanf("")}) {
    PolicySnapshot snapshot = SmallSnapshot();
    snapshot.weights.back() = bad;
    EXPECT_THAT(PolicySnapshot::Decode(snapshot.Encode()), FailsWith(kDataLoss, "not finite"));
  }
}

TEST(PolicySnapshotTest, RefusesBytesAfterTheSpec) {
  const PolicySnapshot snapshot = SmallSnapshot();
  EXPECT_THAT(PolicySnapshot::Decode(Pack({ContainerKind::kSnapshot, snapshot.spec.Hash(), 1, 1},
                                          SpecBytes(snapshot.spec) + "x", WeightBytes(snapshot))),
              FailsWith(kDataLoss, "left over"));
}

}  // namespace
}  // namespace pmoe
