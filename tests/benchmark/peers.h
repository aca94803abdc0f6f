// The programs of experiments/peers, which a benchmark runs beside ours. One thread at a time.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/benchmark/report.h"

namespace pmoe {

// In the environment that setup_peers.sh makes.
std::string PeerFile(const std::string& name);
// Whether it is there; else tells how to get it.
bool PeersInstalled(Report* report);

// What runs `script` of experiments/peers.
std::vector<std::string> PeerScript(const std::string& script,
                                    const std::vector<std::string>& args);
// Runs a program that prints one JSON object: its numbers, by name.
absl::StatusOr<std::map<std::string, double>> RunPeerProgram(
    const std::vector<std::string>& command);

}  // namespace pmoe
