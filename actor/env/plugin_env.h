// An environment behind the C interface of actor/env/pmoe_env.h: from a shared library, or one that
// is built in (actor/env/gym). Thread-compatible, like every Env.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "actor/env/env.h"
#include "actor/env/env_args.h"
#include "actor/env/plugin_library.h"

namespace pmoe {

// "plugin:": what follows it in an id is the library's path.
inline constexpr char kPluginPrefix[] = "plugin:";

class PluginEnv final : public Env {
 public:
  // Of the library that the id names. NotFoundError: it cannot be loaded. FailedPreconditionError:
  // it is of another ABI version. InvalidArgumentError: it is no plugin, it refuses a parameter, or
  // its spec makes no sense.
  static absl::StatusOr<std::unique_ptr<Env>> Create(const EnvRequest& request);
  // Of `library`; `args` in place of the request's.
  static absl::StatusOr<std::unique_ptr<Env>> CreateIn(
      const PluginLibrary& library, const EnvRequest& request,
      const std::map<std::string, std::string>& args);
  ~PluginEnv() override { functions_.destroy(env_); }
  PluginEnv(const PluginEnv&) = delete;
  PluginEnv& operator=(const PluginEnv&) = delete;

  const EnvSpec& spec() const override { return spec_; }
  void Reset(std::optional<uint64_t> seed, absl::Span<double> obs) override;
  StepResult Step(absl::Span<const double> action, absl::Span<double> obs) override;
  absl::Status error() const override { return error_; }
  void BeginStep(absl::Span<const double> action) override;
  std::map<std::string, double> Info() const override;
  std::map<std::string, std::string> Facts() const override { return facts_; }
  double step_s() const override { return step_s_; }
  std::vector<std::string> ObservationNames() const override { return obs_names_; }
  std::vector<std::string> ActionNames() const override { return action_names_; }
  absl::StatusOr<EnvImage> Render() const override;
  bool can_save() const override;
  void SaveState(ByteWriter* out) const override;
  absl::Status LoadState(ByteReader* in) override;

 private:
  PluginEnv(const PmoeEnvPlugin& functions, void* env) : functions_(functions), env_(env) {}
  absl::Status ReadSpec(const EnvRequest& request);
  absl::Status ReadBounds(const EnvRequest& request, const PmoeEnvSpec& spec);
  absl::Status Failed(const char* what, const std::string& text) const;

  const PmoeEnvPlugin& functions_;
  void* const env_;
  EnvSpec spec_;
  double step_s_ = 0.0;
  std::vector<std::string> obs_names_;     // [O] or empty
  std::vector<std::string> action_names_;  // [A] or empty
  std::map<std::string, std::string> facts_;
  int64_t elapsed_steps_ = 0;
  bool was_reset_ = false;
  absl::Status error_;
  mutable std::string saved_;  // what can_save() was told
};

}  // namespace pmoe
