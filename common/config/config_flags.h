// The flags of `pmoe train` and `pmoe config print|check`: one definition, so that both accept and
// explain the same.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/cli_fwd.h"
#include "common/config/run_config.h"
#include "common/config/run_start_options.h"

namespace pmoe {

// Filled by the parser that AddTo was called on, which keeps pointers into this object.
class ConfigFlags {
 public:
  ConfigFlags() = default;
  ConfigFlags(const ConfigFlags&) = delete;
  ConfigFlags& operator=(const ConfigFlags&) = delete;

  // Adds --env --env-arg --python --algo --preset --config --mode --steps --seed --actors --shards
  // --demos
  // --device --set.
  void AddTo(CLI::App* app);

  // What was given. InvalidArgument for an --env-arg without "=".
  absl::StatusOr<ConfigSources> Sources() const;

 private:
  struct Flag {
    std::string path;
    std::string value;
    CLI::Option* option;
  };

  void AddField(CLI::App* app, const std::string& flag, Flag* slot, const std::string& path,
                const std::string& metavar, const std::string& help);

  Flag env_, python_, algorithm_, mode_, steps_, seed_, actors_, shards_, demos_, device_;
  std::vector<std::string> env_args_;
  std::string preset_;
  std::string file_;
  std::vector<std::string> sets_;
};

// The words that name a task to pmoe-actor: --env --env-arg --assets --python.
std::vector<std::string> EnvWords(const EnvConfig& env);

// `pmoe train`, `pmoe up`, `pmoe-learner`: the configuration, where the run goes, or the run to
// continue. Filled as ConfigFlags are.
class TrainFlags {
 public:
  void AddOptions(CLI::App* app);
  // --or-resume, for what is started again and again with the same words.
  void AddOrResume(CLI::App* app);
  // The options, with the name, the description and the examples of `pmoe train --help`.
  void AddTo(CLI::App* app);

  // What was given. InvalidArgument as for ConfigFlags, and for --seeds that cannot be.
  absl::StatusOr<RunStartOptions> Options() const;

 private:
  absl::Status AddSeeds(RunStartOptions* options) const;

  ConfigFlags config_;
  RunStartOptions given_;  // all but the configuration and the seeds
  std::string seeds_;
  CLI::Option* seeds_option_ = nullptr;
  bool takes_seeds_ = false;
};

}  // namespace pmoe
