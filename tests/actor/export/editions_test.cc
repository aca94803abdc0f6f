// Every edition of random policies, of all heads, activations, maps and shapes, against
// PolicyNetwork on the same observations, ordinary ones and very large and small ones.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "actor/export/policy_export.h"
#include "actor/policy_network.h"
#include "tests/actor/env/oracle.h"
#include "tests/actor/policy_testing.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

constexpr int kPolicies = 60;  // all pairs of a head, a map and an activation
constexpr int kRows = 48;

// The i-th combination: the numbers that count through the choices have no common factor.
PolicySpec Spec(int i) {
  PolicyOptions options;
  options.head = static_cast<HeadType>(i % 5);
  options.action_map = static_cast<ActionMap>(i % 3);
  options.activation = static_cast<Activation>(1 + i % 4);
  options.obs_dim = 1 + i % 7;
  options.primitives = options.head == HeadType::kGaussian ? 1 : 1 + i % 6;
  const int actions = 1 + i % 3;
  for (int j = 0; j < actions; ++j) {
    const bool is_unit = i % 4 == 1;
    options.action_low.push_back(is_unit ? -1.0 : -0.4 * (j + 1));
    options.action_high.push_back(is_unit ? 1.0 : 0.4 + j);
  }
  options.hidden = i % 11 == 10 ? std::vector<int>{} : std::vector<int>{17};
  if (i == kPolicies - 3) options.hidden = {256, 256};  // a mixture as trainings have it
  options.gating_squared = i % 2 == 0;
  options.normalizes_obs = i / 5 % 2 == 0;
  options.std_is_parameter = i / 10 % 3 == 0;
  options.std_activation = i % 2 == 0 ? Activation::kLogSoftplus : Activation::kIdentity;
  options.mean_activation = i / 20 == 1 ? Activation::kTanh : Activation::kIdentity;
  if (i / 15 % 2 == 0) options.primitive_hidden = {8, 5};
  if (i / 30 % 2 == 0) options.router_hidden = {6};
  options.router_reads_obs = i % 13 < 6;
  return MakePolicySpec(options);
}

std::shared_ptr<const PolicySnapshot> Snapshot(int i) {
  auto snapshot =
      std::make_shared<PolicySnapshot>(*RandomSnapshot(Spec(i), static_cast<uint64_t>(i) + 1));
  const bool is_deep = snapshot->spec.FindLayer("trunk1") != nullptr;
  for (float& weight : snapshot->weights) weight *= is_deep ? 0.3f : 2.0f;
  return snapshot;
}

// Ordinary observations, and ones that are very small, 0 and very large.
std::vector<float> Observations(const PolicySpec& spec, int rows, uint64_t seed) {
  std::vector<float> obs(static_cast<size_t>(rows) * spec.obs_dim);
  Rng(seed, RngRole::kInit, 1).FillNormal(obs.data(), obs.size());
  constexpr float kScales[] = {1, 1, 1, 1, 1e-3f, 1e-40f, 0, 30, 1e3f, 1e6f};
  for (size_t i = 0; i < obs.size(); ++i) {
    obs[i] *= kScales[i / static_cast<size_t>(spec.obs_dim) % std::size(kScales)];
  }
  return obs;
}

template <typename T>
void WriteRaw(const std::string& path, const std::vector<T>& values) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(T)));
}

// A row in which rounding would choose: skipped.
bool IsTie(const PolicyNetwork& network, int row, int chosen) {
  for (int k = 0; k < network.acting_weights().cols(); ++k) {
    const float behind = network.acting_weights()(row, chosen) - network.acting_weights()(row, k);
    if (k != chosen && behind < 1e-4f) return true;
  }
  return false;
}

// What PolicyNetwork says, as files.
class Answers {
 public:
  Answers(std::shared_ptr<const PolicySnapshot> snapshot, int batch)
      : snapshot_(std::move(snapshot)),
        spec_(snapshot_->spec),
        network_(spec_, batch),
        batch_(batch) {
    EXPECT_OK(network_.Load(snapshot_));
  }

  int Collect(const std::vector<float>& all, uint64_t seed) {
    Rng rng(seed, RngRole::kInit, 2);
    const size_t actions = static_cast<size_t>(spec_.action_dim);
    std::vector<float> action(batch_ * actions);
    std::vector<int> primitive(batch_);
    std::vector<Rng> rngs(batch_);
    for (int& option : network_.options()) {
      option = static_cast<int>(rng.UniformInt(static_cast<uint64_t>(spec_.primitives) + 1)) - 1;
    }
    const std::vector<int> before(network_.options().begin(), network_.options().end());
    network_.Act(all, {.primitive = ActionChoice::kArgmax}, absl::MakeSpan(rngs),
                 absl::MakeSpan(action), absl::MakeSpan(primitive));
    int kept = 0;
    for (int row = 0; row < batch_; ++row) {
      if (spec_.components() > 1 && IsTie(network_, row, primitive[row])) continue;
      // log_softplus of less than -100 is -infinity, and nothing after it a number.
      if (!network_.mean().row(row).allFinite() ||
          !network_.router_weights().row(row).allFinite()) {
        continue;
      }
      ++kept;
      Append(&all[row * spec_.obs_dim], spec_.obs_dim, &obs_);
      option_.push_back(before[row]);
      primitive_.push_back(primitive[row]);
      std::vector<double> scaled(actions);
      ScaleAction(spec_, {&action[row * actions], actions}, absl::MakeSpan(scaled));
      action_.insert(action_.end(), scaled.begin(), scaled.end());
      Append(network_.router_weights().row(row).data(), spec_.primitives, &router_);
      const int numbers = spec_.components() * spec_.action_dim;
      Append(network_.mean().row(row).data(), numbers, &mean_);
      for (int j = 0; j < numbers; ++j) std_.push_back(std::exp(network_.log_std()(row, j)));
    }
    return kept;
  }

  void Write(const std::string& folder) const {
    WriteRaw(folder + "/obs", obs_);
    WriteRaw(folder + "/option", option_);
    WriteRaw(folder + "/action", action_);
    WriteRaw(folder + "/primitive", primitive_);
    WriteRaw(folder + "/router", router_);
    WriteRaw(folder + "/mean", mean_);
    WriteRaw(folder + "/std", std_);
  }

 private:
  static void Append(const float* from, int count, std::vector<float>* to) {
    to->insert(to->end(), from, from + count);
  }

  std::shared_ptr<const PolicySnapshot> snapshot_;
  const PolicySpec& spec_;
  PolicyNetwork network_;
  const int batch_;
  std::vector<float> obs_, router_, mean_, std_;
  std::vector<double> action_;
  std::vector<int64_t> option_, primitive_;
};

TEST(EditionsTest, AllActAsThePolicyNetworkDoes) {
  TempDir dir;
  std::vector<std::string> folders;
  for (int i = 0; i < kPolicies; ++i) {
    const std::string folder = dir.File("case_" + std::to_string(i));
    std::filesystem::create_directories(folder);
    folders.push_back(folder);
    const auto snapshot = Snapshot(i);
    ASSERT_OK(snapshot->spec.Validate());
    Answers answers(snapshot, kRows);
    const uint64_t seed = static_cast<uint64_t>(i);
    EXPECT_GE(answers.Collect(Observations(snapshot->spec, kRows, seed), seed), kRows / 4);
    answers.Write(folder);
    const auto policy = CollectPolicy(snapshot, "none", /*env=*/nullptr);
    ASSERT_OK(policy);
    for (const char* file : {"/policy.onnx", "/policy.h", "/policy.npz"}) {
      EXPECT_OK(ExportPolicy(*policy, folder + file));
    }
  }
  const std::string said = RunOracle("../export/editions_oracle.py", folders);
  EXPECT_NE(said.find(std::to_string(kPolicies) + " policies agree"), std::string::npos) << said;
  std::printf("%s", said.c_str());
}

}  // namespace
}  // namespace pmoe
