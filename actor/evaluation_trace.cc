#include "actor/evaluation_trace.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/base/number_text.h"

namespace pmoe {

absl::StatusOr<std::unique_ptr<EvaluationTrace>> EvaluationTrace::Create(const std::string& path,
                                                                         const PolicySpec& policy) {
  std::FILE* const file = std::fopen(path.c_str(), "w");
  if (file == nullptr) {
    return absl::NotFoundError(absl::StrCat("cannot write ", path, ": ", std::strerror(errno)));
  }
  return absl::WrapUnique(new EvaluationTrace(path, file, policy));
}

EvaluationTrace::EvaluationTrace(std::string path, std::FILE* file, const PolicySpec& policy)
    : path_(std::move(path)), policy_(policy), file_(file) {
  std::fputs(Header().c_str(), file);
}

std::string EvaluationTrace::Header() const {
  std::string line = "episode,reset_seed,step,reward,terminated,truncated,primitive";
  for (int k = 0; k < policy_.primitives; ++k) absl::StrAppend(&line, ",w_", k);
  for (int k = 0; k < policy_.primitives; ++k) {
    for (int j = 0; j < policy_.action_dim; ++j) absl::StrAppend(&line, ",mean_", k, "_", j);
  }
  for (int j = 0; j < policy_.action_dim; ++j) absl::StrAppend(&line, ",action_", j);
  for (int i = 0; i < policy_.obs_dim; ++i) absl::StrAppend(&line, ",obs_", i);
  return line + "\n";
}

std::string EvaluationTrace::Row(const EvaluatedStep& step) const {
  std::string line = absl::StrCat(step.episode, ",", step.reset_seed, ",", step.step, ",",
                                  NumberText(step.result.reward));
  absl::StrAppend(&line, ",", static_cast<int>(step.result.terminated), ",",
                  static_cast<int>(step.result.truncated), ",", step.primitive);
  const auto append = [&line](auto value) { absl::StrAppend(&line, ",", NumberText(value)); };
  for (int k = 0; k < policy_.primitives; ++k) append(step.network.router_weights()(step.row, k));
  for (int i = 0; i < policy_.primitives * policy_.action_dim; ++i)
    append(policy_.action_map == ActionMap::kSquash
               ? std::tanh(step.network.primitive_means()(step.row, i))
               : step.network.primitive_means()(step.row, i));
  for (const double a : step.action) append(a);
  for (const float o : step.obs) append(o);
  return line + "\n";
}

void EvaluationTrace::Add(const EvaluatedStep& step) {
  const std::string row = Row(step);
  MutexLock lock(&mu_);
  rows_[step.episode] += row;
  if (step.result.done()) ended_.insert(step.episode);
  for (; ended_.contains(next_episode_); ++next_episode_) {
    const std::string& rows = rows_[next_episode_];
    std::fwrite(rows.data(), 1, rows.size(), file_.get());
    rows_.erase(next_episode_);
    ended_.erase(next_episode_);
  }
}

absl::Status EvaluationTrace::Close() {
  MutexLock lock(&mu_);
  const bool failed = std::ferror(file_.get()) != 0 || std::fflush(file_.get()) != 0;
  file_.reset();
  if (failed) return absl::DataLossError(absl::StrCat("cannot write ", path_, ": disk full?"));
  return absl::OkStatus();
}

}  // namespace pmoe
