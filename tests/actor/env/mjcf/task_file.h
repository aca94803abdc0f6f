// Task files that tests write, over the model task_terms.xml beside this file.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "actor/env/env.h"
#include "actor/env/mujoco_env.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {

std::string TaskTermsModel();

// The task of that text in a file of `dir`; without its model, which is added.
absl::StatusOr<std::unique_ptr<Env>> TryTask(TempDir* dir, const std::string& text,
                                             const std::string& model = TaskTermsModel());
// Aborts where it cannot be made.
std::unique_ptr<Env> MakeTask(TempDir* dir, const std::string& text);

// The task of a test, and its last observation.
class TaskTest : public ::testing::Test {
 protected:
  void Make(const std::string& text) {
    env_ = MakeTask(&dir_, text + " reward { constant: 0 } ");
    obs_.resize(static_cast<size_t>(env_->spec().obs_dim));
  }
  void MakeSeeingPose(const std::string& text) {
    Make(text + " observation { slice { array: QPOS } } ");
  }
  const std::vector<double>& Reset(uint64_t seed) {
    env_->Reset(seed, absl::MakeSpan(obs_));
    return obs_;
  }
  const std::vector<double>& Step(const std::vector<double>& action = std::vector<double>(5)) {
    env_->Step(action, absl::MakeSpan(obs_));
    return obs_;
  }
  const mjData& data() const { return static_cast<const MujocoEnv&>(*env_).data(); }
  const mjModel& model() const { return static_cast<const MujocoEnv&>(*env_).model(); }

  TempDir dir_;
  std::unique_ptr<Env> env_;
  std::vector<double> obs_;
};

}  // namespace pmoe
