// What proto/config.proto says of who reads a setting, held against the learners themselves: a
// small one of each algorithm learns twice, with and without the change, and is compared to the
// bit.
#include "common/config/read_by.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/rng.h"
#include "common/config/run_config.h"
#include "learner/learner_config.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

constexpr int kObs = 3, kActions = 2, kUpdates = 2;

// Set without validation, which would refuse most of it.
using Settings = std::vector<std::pair<std::string, std::string>>;

// Small, and with everything on that makes other settings count.
const Settings kSmall = {{"policy.hidden", "4"},
                         {"policy.router_hidden", "4"},
                         {"learner.critic_hidden", "4"},
                         {"learner.qnet_hidden", "4"},
                         {"learner.batch_size", "8"},
                         {"schedule.steps_per_round", "16"},
                         {"learner.epochs", "2"},
                         {"schedule.total_steps", "64"},
                         {"learner.actor_lr", "0.05"},
                         {"learner.critic_lr", "0.05"},
                         {"learner.alpha", "1"},
                         {"learner.gumbel_tau_end", "0.5"},
                         {"policy.std", "parameter"},
                         {"learner.tune_alpha", "true"},
                         {"learner.value_net", "separate"},
                         {"learner.rank_by", "action_q"}};
// What those hide.
const Settings kOther = {{"policy.std", "state"},
                         {"learner.value_net", "trunk"},
                         {"learner.tune_alpha", "false"},
                         {"learner.critic_quantiles", "4"},
                         {"learner.primitive_backprop", "all"},
                         {"policy.heads", "tied"},
                         {"learner.router_target", "softmax"},
                         {"learner.router_entropy_min", "1"}};

// Read, but without a difference here, or not by the learner: the replay discounts SAC's rows, the
// bits of one thread are those of two, and two editions of a step may differ by rounding alone.
bool IsReadElsewhere(const Algorithm& algorithm, const std::string& path) {
  if (path == "learner.gamma") return !algorithm.on_policy();
  return path == "learner.device" || path == "learner.threads" || path == "learner.step";
}

// Has one valid value with that algorithm, or means the same whatever its value.
bool IsFixed(const Algorithm& algorithm, const std::string& path) {
  if (path == "policy.primitives") return !algorithm.has_router();
  if (path == "policy.normalize_obs") return !algorithm.on_policy();
  // The log-probability of a mixture of one differs by its rounding.
  return path == "learner.entropy" && !algorithm.on_policy() && !algorithm.draws_primitive();
}

RunConfig Base(const Algorithm& algorithm, const Settings& more) {
  ConfigSources sources;
  sources.sets = {absl::StrCat("algorithm=", algorithm.name)};
  RunConfig config = *ResolveConfig(sources);
  Settings settings = kSmall;
  if (algorithm.has_router()) settings.emplace_back("policy.primitives", "2");
  if (config.policy().primitive_hidden_size() > 0) {
    settings.emplace_back("policy.primitive_hidden", "4");
  }
  settings.insert(settings.end(), more.begin(), more.end());
  for (const auto& [path, value] : settings) EXPECT_OK(SetField(&config, path, value));
  return config;
}

std::vector<float> Normals(int n, Rng* rng) {
  std::vector<float> values(static_cast<size_t>(n));
  rng->FillNormal(values.data(), values.size());
  return values;
}

// Two environments, one of which ends an episode.
Rollout MakeRollout(const RunConfig& config, const PolicySpec& policy, Rng* rng) {
  const int rows = config.schedule().steps_per_round();
  Rollout rollout;
  rollout.spec = {kObs, kActions, static_cast<int>(policy.columns.size())};
  rollout.obs = Normals(rows * kObs, rng);
  rollout.action = Normals(rows * kActions, rng);
  rollout.reward = Normals(rows, rng);
  rollout.policy_version.assign(static_cast<size_t>(rows), 1);
  for (int i = 0; i < rows; ++i) {
    for (const std::string& column : policy.columns) {
      const bool index = column == kColumnComponent || column == kColumnOptionBefore;
      rollout.extra.push_back(index ? static_cast<float>(rng->UniformInt(2)) : 0.0f);
    }
  }
  rollout.segments.push_back({.start = 0, .length = rows / 2, .end = SegmentEnd::kTerminated});
  rollout.segments.push_back(
      {.env = 1, .start = rows / 2, .length = rows - rows / 2, .end = SegmentEnd::kCut});
  rollout.bootstrap_obs = Normals(2 * kObs, rng);
  return rollout;
}

Minibatch MakeBatch(const RunConfig& config, Rng* rng) {
  Minibatch batch(TableSpec{kObs, kActions, 0}, config.learner().batch_size());
  const size_t n = static_cast<size_t>(batch.size());
  rng->FillNormal(batch.obs(), n * kObs);
  rng->FillNormal(batch.next_obs(), n * kObs);
  rng->FillNormal(batch.reward(), n);
  for (size_t i = 0; i < n * kActions; ++i) batch.action()[i] = rng->UniformFloat() - 0.5f;
  for (size_t i = 0; i < n; ++i) batch.discount()[i] = 0.99f;
  return batch;
}

// All that an algorithm makes of a configuration: the policy, and each bit and statistic of some
// updates.
std::string Learned(const RunConfig& config) {
  PolicySpec policy = PolicySpecFromConfig(config, kObs, {-1, -2}, {1, 2});
  if (policy.head != HeadType::kGating) policy.gating_squared = false;  // travels along unread
  ByteWriter spec;
  policy.Save(&spec);
  const absl::StatusOr<std::unique_ptr<Learner>> learner = MakeLearner(config, policy);
  if (!learner.ok()) return std::string(learner.status().message());
  Rng rng(1, RngRole::kReplay, 0);
  std::string learned = std::string(spec.bytes());
  for (int i = 0; i < kUpdates; ++i) {
    absl::Status status;
    if (AlgorithmOf(config).on_policy()) {
      const Rollout rollout = MakeRollout(config, policy, &rng);
      status = (*learner)->Update(&rollout);
    } else {
      Minibatch batch = MakeBatch(config, &rng);
      status = (*learner)->Update(&batch);
    }
    absl::StrAppend(&learned, status.message());
  }
  for (const auto& [name, value] : (*learner)->DrainStats()) absl::StrAppend(&learned, name, value);
  ContainerWriter state;
  (*learner)->SaveState(&state);
  return learned + state.Finish({});
}

// Values that the field does not have.
std::vector<std::string> OtherValues(const RunConfig& config, const SchemaField& field) {
  using google::protobuf::FieldDescriptor;
  const std::string now = ValueText(config, field);
  std::vector<std::string> values = field.choices;
  std::erase(values, now);
  if (!values.empty()) return values;
  if (field.field->is_repeated()) return {"5"};
  switch (field.field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return {now == "true" ? "false" : "true"};
    case FieldDescriptor::CPPTYPE_DOUBLE:
      if (now.empty() || now == "0") return {"0.4"};
      return {absl::StrCat(std::stod(now) * 0.4), absl::StrCat(std::stod(now) * 1000)};
    case FieldDescriptor::CPPTYPE_INT32:
      // Batches must divide a rollout.
      return {absl::StrCat(field.path == "learner.batch_size" ? 16 : std::stoi(now) + 1)};
    default:
      ADD_FAILURE() << field.path << " has no other value";
      return {};
  }
}

bool ChangesSomething(const RunConfig& base, const std::string& learned, const SchemaField& field) {
  for (const std::string& value : OtherValues(base, field)) {
    RunConfig changed = base;
    EXPECT_OK(SetField(&changed, field.path, value));
    if (Learned(changed) != learned) return true;
  }
  return false;
}

class ReadByTest : public ::testing::TestWithParam<std::string> {};

TEST_P(ReadByTest, AnAlgorithmReadsWhatTheSchemaSaysAndNothingElse) {
  const Algorithm& algorithm = AlgorithmNamed(GetParam());
  const RunConfig bases[] = {Base(algorithm, {}), Base(algorithm, kOther)};
  const std::string learned[] = {Learned(bases[0]), Learned(bases[1])};
  for (const SchemaField& field : SchemaFields()) {
    const bool learners =
        absl::StartsWith(field.path, "learner.") || absl::StartsWith(field.path, "policy.");
    if (!learners || IsFixed(algorithm, field.path)) continue;
    if (IsReadElsewhere(algorithm, field.path)) {
      EXPECT_TRUE(Reads(algorithm, field)) << field.path;
      continue;
    }
    EXPECT_EQ(ChangesSomething(bases[0], learned[0], field) ||
                  ChangesSomething(bases[1], learned[1], field),
              Reads(algorithm, field))
        << field.path << " read by: " << ReadersText(field);
  }
}

INSTANTIATE_TEST_SUITE_P(All, ReadByTest, ::testing::ValuesIn(AlgorithmNames()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace pmoe
