#include "tests/benchmark/training_sides.h"

#include <stdlib.h>

#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "nlohmann/json.hpp"
#include "tests/benchmark/child_process.h"
#include "tests/benchmark/measure.h"

namespace pmoe {
namespace {

struct Measured {
  TrainingSide side;
  std::vector<double> steps_per_s{}, steps_per_cpu_s{}, updates_per_s{};  // [rounds]
};

std::string PeerPython() {
  const char* deps = std::getenv("PMOE_DEPS");
  return absl::StrCat(deps != nullptr ? deps : PMOE_DEPS_DIR, "/peers/bin/python");
}

absl::StatusOr<TrainingCost> MeasurePeer(const std::string& script,
                                         const std::vector<std::string>& args) {
  std::vector<std::string> command = {PeerPython(),
                                      absl::StrCat(PMOE_SOURCE_DIR "/experiments/peers/", script)};
  command.insert(command.end(), args.begin(), args.end());
  PMOE_ASSIGN_OR_RETURN(const ChildResult child, RunChild(command, /*show_errors=*/true));
  const nlohmann::json json = nlohmann::json::parse(child.out, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return absl::InternalError(script + " printed no JSON object");
  TrainingCost cost;
  cost.env_steps = json.value("env_steps", 0.0);
  cost.updates = json.value("updates", 0.0);
  cost.wall_s = json.value("wall_s", 0.0);
  cost.cpu_s = json.value("cpu_s", 0.0);
  return cost;
}

std::vector<Measured> ChooseSides(const BenchFlags& flags, std::vector<TrainingSide> sides,
                                  Report* report) {
  const bool peers = flags.peers && std::filesystem::exists(PeerPython());
  if (flags.peers && !peers) {
    report->Note(absl::StrCat("the peers are not installed (", PeerPython(),
                              "): experiments/peers/setup_peers.sh gets them; ours alone:"));
  }
  std::vector<Measured> chosen;
  for (TrainingSide& side : sides) {
    if ((side.ours || peers) && absl::StrContains(side.name, flags.only)) {
      chosen.push_back({std::move(side)});
    }
  }
  return chosen;
}

void ReportRatios(const std::vector<Measured>& sides, Report* report) {
  std::vector<const Measured*> ours, theirs;
  for (const Measured& m : sides) (m.side.ours ? ours : theirs).push_back(&m);
  if (ours.empty() || theirs.empty()) return;
  report->Table("ours over theirs", {"wall", "cpu"});
  for (const Measured* our : ours) {
    for (const Measured* their : theirs) {
      report->Row(absl::StrCat(our->side.name, "/", their->side.name),
                  {MedianRatio(our->steps_per_s, their->steps_per_s),
                   MedianRatio(our->steps_per_cpu_s, their->steps_per_cpu_s)});
    }
  }
}

}  // namespace

TrainingSide PeerSide(const std::string& name, const std::string& script,
                      const std::vector<std::string>& args) {
  return {name, /*ours=*/false, [script, args] { return MeasurePeer(script, args); }};
}

absl::Status CompareTrainings(const BenchFlags& flags, const std::string& title,
                              std::vector<TrainingSide> sides, Report* report) {
  std::vector<Measured> chosen = ChooseSides(flags, std::move(sides), report);
  for (int round = 0; round < flags.rounds; ++round) {
    for (Measured& m : chosen) {
      PMOE_ASSIGN_OR_RETURN(const TrainingCost cost, m.side.measure());
      m.steps_per_s.push_back(cost.env_steps / cost.wall_s);
      m.steps_per_cpu_s.push_back(cost.env_steps / cost.cpu_s);
      m.updates_per_s.push_back(cost.updates / cost.wall_s);
    }
  }
  report->Table(title, {"env_steps_per_s", "updates_per_s", "env_steps_per_cpu_s"});
  for (const Measured& m : chosen) {
    report->Row(m.side.name,
                {Median(m.steps_per_s), Median(m.updates_per_s), Median(m.steps_per_cpu_s)});
  }
  ReportRatios(chosen, report);
  return absl::OkStatus();
}

}  // namespace pmoe
