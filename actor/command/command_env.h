// What `pmoe` says about environments: `envs`, `env trace`, and the environment's part of
// `config check`. Filled by the parser that AddTo was called on, which keeps pointers into these
// objects.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "actor/env/env.h"
#include "common/base/cli_fwd.h"

namespace pmoe {

// --env --env-arg --assets.
class EnvFlags {
 public:
  void AddTo(CLI::App* app);
  const std::string& id() const { return id_; }
  absl::StatusOr<std::unique_ptr<Env>> Make() const;

 private:
  std::string id_;
  std::vector<std::string> args_;
  std::string assets_;
};

// `envs`: the list.
class EnvsCommand {
 public:
  void AddTo(CLI::App* app);
  bool chosen() const;
  absl::Status Run() const;

 private:
  CLI::App* command_ = nullptr;
};

// `check-env`: makes the environment once; with a run, compares it with what that was made with.
class CheckEnvCommand {
 public:
  void AddTo(CLI::App* app);
  bool chosen() const;
  absl::Status Run() const;

 private:
  CLI::App* command_ = nullptr;
  EnvFlags env_;
  std::string run_;
  bool allow_other_env_ = false;
  bool quiet_ = false;
};

// `env trace`: actor/env_trace.h from a file to stdout.
class EnvCommand {
 public:
  void AddTo(CLI::App* app);
  bool chosen() const;
  absl::Status Run() const;

 private:
  CLI::App* command_ = nullptr;
  EnvFlags env_;
  uint64_t seed_ = 0;
  std::string actions_;
};

}  // namespace pmoe
