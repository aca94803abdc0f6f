#include "tests/benchmark/training_sides.h"

#include <map>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/other_load.h"
#include "tests/benchmark/peers.h"

namespace pmoe {
namespace {

struct Measured {
  TrainingSide side;
  std::vector<double> steps_per_s{}, steps_per_cpu_s{}, updates_per_s{};  // [rounds]
};

absl::StatusOr<TrainingCost> MeasurePeer(const std::string& script,
                                         const std::vector<std::string>& args) {
  PMOE_ASSIGN_OR_RETURN(auto numbers, RunPeerProgram(PeerScript(script, args)));
  TrainingCost cost;
  cost.env_steps = numbers["env_steps"];
  cost.updates = numbers["updates"];
  cost.wall_s = numbers["wall_s"];
  cost.cpu_s = numbers["cpu_s"];
  return cost;
}

std::vector<Measured> ChooseSides(const BenchFlags& flags, std::vector<TrainingSide> sides,
                                  Report* report) {
  const bool peers = flags.peers && PeersInstalled(report);
  std::vector<Measured> chosen;
  for (TrainingSide& side : sides) {
    if ((side.peer.empty() || peers) && flags.Chooses(side.name)) {
      chosen.push_back({std::move(side)});
    }
  }
  return chosen;
}

using Rates = std::vector<double> Measured::*;

// The peer's number of threads whose median is largest.
const Measured* Best(const std::vector<const Measured*>& theirs, const std::string& peer,
                     Rates rates) {
  const Measured* best = nullptr;
  for (const Measured* their : theirs) {
    if (their->side.peer != peer) continue;
    if (best == nullptr || Median(their->*rates) > Median(best->*rates)) best = their;
  }
  return best;
}

void ReportRatios(const std::vector<Measured>& sides, const OtherLoad& load, Report* report) {
  std::vector<const Measured*> ours, theirs;
  std::set<std::string> peers;
  for (const Measured& m : sides) {
    (m.side.peer.empty() ? ours : theirs).push_back(&m);
    if (!m.side.peer.empty()) peers.insert(m.side.peer);
  }
  if (ours.empty() || theirs.empty()) return;
  report->Table("ours over theirs" + load.Mark(), {"wall", "cpu"});
  for (const Measured* our : ours) {
    const auto row = [&](const std::string& name, const Measured* wall, const Measured* cpu) {
      report->Row(absl::StrCat(our->side.name, "/", name),
                  {MedianRatio(our->steps_per_s, wall->steps_per_s),
                   MedianRatio(our->steps_per_cpu_s, cpu->steps_per_cpu_s)});
    };
    for (const Measured* their : theirs) row(their->side.name, their, their);
    for (const std::string& peer : peers) {
      row(peer + "_best", Best(theirs, peer, &Measured::steps_per_s),
          Best(theirs, peer, &Measured::steps_per_cpu_s));
    }
  }
}

}  // namespace

std::vector<TrainingSide> PeerSides(const std::string& peer, const std::string& script,
                                    const std::vector<std::string>& args) {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  std::vector<TrainingSide> sides = {
      {peer, [script, args] { return MeasurePeer(script, args); }, peer}};
  for (int threads = 1; threads < cores; threads *= 2) {
    std::vector<std::string> words = args;
    words.insert(words.end(), {"--threads", std::to_string(threads)});
    sides.push_back({absl::StrCat(peer, "_thread", threads),
                     [script, words] { return MeasurePeer(script, words); }, peer});
  }
  return sides;
}

absl::Status CompareTrainings(const BenchFlags& flags, const std::string& title,
                              std::vector<TrainingSide> sides, Report* report) {
  std::vector<Measured> chosen = ChooseSides(flags, std::move(sides), report);
  OtherLoad load;
  for (int round = 0; round < flags.rounds; ++round) {
    load.BeginRound();
    for (Measured& m : chosen) {
      PMOE_ASSIGN_OR_RETURN(const TrainingCost cost, m.side.measure());
      m.steps_per_s.push_back(cost.env_steps / cost.wall_s);
      m.steps_per_cpu_s.push_back(cost.env_steps / cost.cpu_s);
      m.updates_per_s.push_back(cost.updates / cost.wall_s);
    }
    load.EndRound();
  }
  report->Table(title + load.Mark(), {"env_steps_per_s", "updates_per_s", "env_steps_per_cpu_s"});
  for (const Measured& m : chosen) {
    report->Row(m.side.name,
                {Median(m.steps_per_s), Median(m.updates_per_s), Median(m.steps_per_cpu_s)});
  }
  ReportRatios(chosen, load, report);
  load.Tell("trainings", report);
  return absl::OkStatus();
}

}  // namespace pmoe
