// What an environment is (EnvSpecMessage: its spec, the numbers it computes with, the files it was
// read from), compared by meaning. Where files lie and what they are called makes no difference,
// nor do comments in them. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "proto/run.pb.h"

namespace pmoe {

// The parameter that names another model file.
inline constexpr char kModelFileArg[] = "xml_file";

// How `after` differs from `before`, a line each: "task.reward[0].weight: 1 -> 2". Empty: they step
// alike. Files are named where what was read from them differs.
std::vector<std::string> EnvDifferences(const EnvSpecMessage& before, const EnvSpecMessage& after);

// Whether a policy of the one can act in the other at all.
bool HaveSameSizes(const EnvSpecMessage& a, const EnvSpecMessage& b);

// The first few, as one text: "a: 1 -> 2; b: 3 -> 4; and 5 more".
std::string ListDifferences(const std::vector<std::string>& differences);

// OK if `now` steps like `kept`, which the run `run` was made with, or other numbers are `allowed`
// and the sizes fit. FailedPreconditionError: says what differs and what to do.
absl::Status CheckSameEnv(absl::string_view run, const EnvSpecMessage& kept,
                          const EnvSpecMessage& now, bool allowed);

// "mjcf" or "plugin" of an id that names a file, else empty.
std::string FileKind(absl::string_view id);

// Of what came from another process: InvalidArgumentError where sizes do not fit each other or are
// beyond all sense, an action's bounds are no numbers, a text is too long or has control
// characters, or a file's name would leave its folder.
absl::Status CheckEnvSpec(const EnvSpecMessage& env);

// Hexadecimal.
std::string Sha256(absl::string_view bytes);

}  // namespace pmoe
