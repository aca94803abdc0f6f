#include "tests/benchmark/peers.h"

#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "nlohmann/json.hpp"
#include "tests/benchmark/child_process.h"

namespace pmoe {

namespace {
constexpr const char* kPython = "bin/python";
}  // namespace

std::string PeerFile(const std::string& name) {
  const char* deps = std::getenv("PMOE_DEPS");
  return absl::StrCat(deps != nullptr ? deps : PMOE_DEPS_DIR, "/peers/", name);
}

bool PeersInstalled(Report* report) {
  if (std::filesystem::exists(PeerFile(kPython))) return true;
  report->Note(absl::StrCat("the peers are not installed (", PeerFile(kPython),
                            "): experiments/peers/setup_peers.sh gets them; ours alone:"));
  return false;
}

std::vector<std::string> PeerScript(const std::string& script,
                                    const std::vector<std::string>& args) {
  std::vector<std::string> command = {PeerFile(kPython),
                                      absl::StrCat(PMOE_SOURCE_DIR "/experiments/peers/", script)};
  command.insert(command.end(), args.begin(), args.end());
  return command;
}

absl::StatusOr<std::map<std::string, double>> RunPeerProgram(
    const std::vector<std::string>& command) {
  PMOE_ASSIGN_OR_RETURN(const ChildResult child, RunChild(command, /*show_errors=*/true));
  const nlohmann::json json = nlohmann::json::parse(child.out, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object())
    return absl::InternalError(absl::StrJoin(command, " ") + " printed no JSON object");
  std::map<std::string, double> numbers;
  for (const auto& [name, value] : json.items()) {
    if (value.is_number()) numbers[name] = value.get<double>();
  }
  return numbers;
}

}  // namespace pmoe
