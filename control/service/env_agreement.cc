#include "control/service/env_agreement.h"

#include "absl/strings/str_cat.h"
#include "common/base/printable_text.h"
#include "common/base/status_macros.h"
#include "control/wire/env_identity.h"
#include "control/wire/run_messages.h"

namespace pmoe {
namespace {

// A task that only its first member speaks of: what a learner can make a policy for whoever lies.
constexpr int kObsUnrecordedMax = 1 << 16;
constexpr int kActionsUnrecordedMax = 1 << 12;

}  // namespace

absl::Status EnvAgreement::Check(const FollowerMessage& first) {
  if (first.role() != RUN_ROLE_ACTOR && first.role() != RUN_ROLE_EVALUATOR) return absl::OkStatus();
  const EnvSpecMessage& env = first.env();
  PMOE_RETURN_IF_ERROR(CheckEnvSpec(env));
  if (!env_.has_value()) {
    PMOE_RETURN_IF_ERROR(CheckFirst(env));
    env_ = env;
    return absl::OkStatus();
  }
  const std::vector<std::string> differences = EnvDifferences(*env_, env);
  if (differences.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("this ", RoleName(first.role()),
                   " does not step what the run steps: ", ListDifferences(differences),
                   ". All members must have the same task, parameters, model files and simulator"));
}

// Against what the run knows of its task before any member has come.
absl::Status EnvAgreement::CheckFirst(const EnvSpecMessage& env) const {
  if (options_.kept_env.has_value()) {
    return CheckSameEnv(options_.directory, *options_.kept_env, env, options_.allow_other_env);
  }
  const std::string& id = options_.config.id();
  if (env.id() != id && (FileKind(id).empty() || FileKind(id) != FileKind(env.id()))) {
    return absl::FailedPreconditionError(
        absl::StrCat("the run's task is ", id, ", this member steps ", PrintableText(env.id())));
  }
  if (env.obs_dim() <= kObsUnrecordedMax && env.action_dim() <= kActionsUnrecordedMax) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("a task of ", env.obs_dim(), " observations and ", env.action_dim(),
                   " actions must be known before members come: pmoe-actor check-env --record ",
                   options_.directory));
}

bool EnvAgreement::HasFiles(const FollowerMessage& first) const {
  return first.has_env() && env_.has_value() && HaveSameFiles(*env_, first.env());
}

bool EnvAgreement::Asks(uint64_t stream) {
  if (!wants_files_ || stream_ != 0 || !env_.has_value()) return false;
  stream_ = stream;
  receiver_.emplace(*env_);
  return true;
}

absl::Status EnvAgreement::OnFile(uint64_t stream, const EnvFilePiece& piece) {
  if (!receiver_.has_value() || stream != stream_) return absl::OkStatus();
  const absl::StatusOr<bool> complete = receiver_->Add(piece);
  if (complete.ok() && !*complete) return absl::OkStatus();
  if (complete.ok()) files_ = receiver_->Take();
  wants_files_ = false;
  receiver_.reset();
  return complete.status();
}

bool EnvAgreement::OnClose(uint64_t stream) {
  if (stream != stream_) return false;
  stream_ = 0;
  return true;
}

}  // namespace pmoe
