// An environment from a shared library (actor/env/pmoe_env.h). Libraries stay loaded until the
// process ends. Thread-compatible, like every Env.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "actor/env/env.h"
#include "actor/env/env_args.h"
#include "actor/env/pmoe_env.h"

namespace pmoe {

// "plugin:": what follows it in an id is the library's path.
inline constexpr char kPluginPrefix[] = "plugin:";

class PluginEnv final : public Env {
 public:
  // NotFoundError: the library cannot be loaded. FailedPreconditionError: it is of another ABI
  // version. InvalidArgumentError: it is no plugin, it refuses a parameter, or its spec makes no
  // sense.
  static absl::StatusOr<std::unique_ptr<Env>> Create(const EnvRequest& request);
  ~PluginEnv() override { plugin_.destroy(env_); }
  PluginEnv(const PluginEnv&) = delete;
  PluginEnv& operator=(const PluginEnv&) = delete;

  const EnvSpec& spec() const override { return spec_; }
  void Reset(std::optional<uint64_t> seed, absl::Span<double> obs) override;
  StepResult Step(absl::Span<const double> action, absl::Span<double> obs) override;
  void SaveState(ByteWriter* out) const override;
  absl::Status LoadState(ByteReader* in) override;

 private:
  PluginEnv(const PmoeEnvPlugin& plugin, void* env) : plugin_(plugin), env_(env) {}
  absl::Status ReadSpec(const EnvRequest& request);

  const PmoeEnvPlugin& plugin_;
  void* const env_;
  EnvSpec spec_;
  int64_t elapsed_steps_ = 0;
  bool was_reset_ = false;
};

}  // namespace pmoe
