// Writes what a policy saw and did, step by step, as CSV: for figures of the router and of the
// primitives, and to hold other implementations of the policy against this one.
#pragma once

#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "actor/evaluator.h"
#include "common/base/mutex.h"

namespace pmoe {

// Columns: episode, reset_seed, step (from 1), reward, terminated, truncated, primitive (that
// acted); router weights w_0…; mean_K_J, tanh of primitive K's mean in [-1, 1]; action_J in the
// environment's units; obs_I, what the policy saw before the step. float32 and float64 in the
// shortest notation that reads back to the same number. Episodes come whole and in order.
// Thread-safe.
class EvaluationTrace {
 public:
  // NotFoundError: `path` cannot be written.
  static absl::StatusOr<std::unique_ptr<EvaluationTrace>> Create(const std::string& path,
                                                                 const PolicySpec& policy);

  void Add(const EvaluatedStep& step) ABSL_LOCKS_EXCLUDED(mu_);
  // After the last step. DataLossError: the disk is full.
  absl::Status Close() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct FileCloser {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  EvaluationTrace(std::string path, std::FILE* file, const PolicySpec& policy);
  std::string Header() const;
  std::string Row(const EvaluatedStep& step) const;

  const std::string path_;
  const PolicySpec policy_;
  Mutex mu_;
  std::unique_ptr<std::FILE, FileCloser> file_ ABSL_GUARDED_BY(mu_);
  int next_episode_ ABSL_GUARDED_BY(mu_) = 0;  // the next one to write
  std::map<int, std::string> rows_ ABSL_GUARDED_BY(mu_);
  std::set<int> ended_ ABSL_GUARDED_BY(mu_);
};

}  // namespace pmoe
