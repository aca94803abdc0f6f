// How a run begins, for `pmoe train`, `pmoe-learner` and `pmoe up` alike: its configuration from
// what was asked or from the directory it resumes, and the directory itself. Free functions.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/config/run_start_options.h"
#include "proto/config.pb.h"
#include "run/run_directory.h"

namespace pmoe {

// --or-resume: where --out holds a run, turns it into --resume. InvalidArgumentError without --out.
absl::Status ApplyOrResume(RunStartOptions* options);

// The resolved configuration. With --resume it is the run's own with what was asked;
// InvalidArgumentError for a change that a checkpoint cannot follow, and prints the others.
// `default_mode`: schedule.mode of a new run that does not name one; empty: the schema's.
absl::StatusOr<RunConfig> LoadRunConfig(const RunStartOptions& options,
                                        const std::string& default_mode);

// --resume's directory, --out's, or a new one under runs/; locked.
absl::StatusOr<RunDirectory> OpenRunDirectory(const RunStartOptions& options,
                                              const RunConfig& config);

// The words of a command line that goes on in `directory` as `config` says: --resume and a --set
// for every field that its own configuration has otherwise.
std::vector<std::string> ResumeWords(const std::string& directory, const RunConfig& config);

// Writes config.textproto.
absl::Status SaveRunConfig(const RunDirectory& directory, const RunConfig& config);

// FailedPreconditionError when the directory's newest checkpoint has all the steps asked for.
absl::Status CheckUnfinished(const std::string& directory, const RunConfig& config);

// As a shell takes it for one word: quoted where it must be.
std::string ShellWord(absl::string_view word);

// "stopped at 500 of 1000 env steps; go on with: …", or where to look now.
std::string DescribeEnd(const RunDirectory& directory, const std::string& command,
                        uint64_t env_steps, uint64_t total_steps);

// A failed run's status with where it stopped and how to go on, where a checkpoint is.
absl::Status DescribeFailure(const absl::Status& status, const RunDirectory& directory,
                             const std::string& command, uint64_t env_steps);

}  // namespace pmoe
