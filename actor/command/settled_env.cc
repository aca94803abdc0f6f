#include "actor/command/settled_env.h"

#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "actor/configured_env.h"
#include "actor/env_record.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/run/env_folder.h"
#include "common/run/env_identity.h"

namespace pmoe {
namespace {

// The same task out of the run's own files.
absl::StatusOr<RunConfig> WithCopy(const std::string& run, const EnvSpecMessage& kept,
                                   RunConfig config) {
  std::string task, model;
  for (int i = 0; i < kept.files_size(); ++i) {
    if (kept.files(i).role() == "task" && task.empty()) task = KeptFile(run, kept, i);
    if (kept.files(i).role() == "model" && model.empty()) model = KeptFile(run, kept, i);
  }
  if (!task.empty()) config.mutable_env()->set_id("mjcf:" + task);
  if (model.empty()) return config;
  PMOE_RETURN_IF_ERROR(SetField(&config, absl::StrCat("env.arg.", kModelFileArg), model));
  return config;
}

absl::StatusOr<std::unique_ptr<Env>> MakeOrCopy(const std::string& run,
                                                const std::optional<EnvSpecMessage>& kept,
                                                bool may_use_copy, RunConfig* config) {
  absl::StatusOr<std::unique_ptr<Env>> env = MakeConfiguredEnv(*config);
  if (env.ok() || !may_use_copy || !kept.has_value() || !HasEnvFiles(run)) return env;
  PMOE_ASSIGN_OR_RETURN(const RunConfig copy, WithCopy(run, *kept, *config));
  absl::StatusOr<std::unique_ptr<Env>> copied = MakeConfiguredEnv(copy);
  if (!copied.ok()) return env;
  Log(LogLevel::kInfo, env.status().message(), "; the run's own copy in ", run,
      "/env/files is used");
  *config = copy;
  return copied;
}

absl::Status CheckSizes(const std::string& run, const PolicySpec& policy, const EnvSpec& env) {
  if (policy.obs_dim == env.obs_dim && policy.action_dim == env.action_dim) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "the policy of ", run, " has ", policy.obs_dim, " observations and ", policy.action_dim,
      " actions, but ", env.id, " has ", env.obs_dim, " and ", env.action_dim,
      " now: it has changed since; put the task back or name the right one by --env"));
}

}  // namespace

absl::Status SettleEnv(const std::string& run, const PolicySpec& policy,
                       const SettleOptions& options, RunConfig* config) {
  PMOE_ASSIGN_OR_RETURN(const std::optional<EnvSpecMessage> kept, KeptEnv(run));
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<Env> env,
                        MakeOrCopy(run, kept, options.may_use_copy, config));
  if (kept.has_value()) {
    PMOE_ASSIGN_OR_RETURN(const EnvRecord now, RecordEnv(*env));
    PMOE_RETURN_IF_ERROR(CheckSameEnv(run, *kept, now.spec, options.allow_other));
    const std::vector<std::string> differences = EnvDifferences(*kept, now.spec);
    if (!differences.empty()) {
      Log(LogLevel::kWarning, "not the task that ", run,
          " was made with: ", ListDifferences(differences));
    }
  }
  return CheckSizes(run, policy, env->spec());
}

}  // namespace pmoe
