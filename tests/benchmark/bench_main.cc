// pmoe-bench: named benchmarks. `pmoe bench` execs it with its own arguments.
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "common/base/command_line.h"
#include "common/base/exit_code.h"
#include "learner/torch_info.h"
#include "tests/benchmark/benchmarks.h"
#include "tests/benchmark/measure.h"

namespace pmoe {
namespace {

struct Bench {
  const char* name;
  const char* help;
  absl::Status (*run)(const BenchFlags& flags, Report* report);
  double seconds;  // default
  int rounds;      // default
  bool only;       // has rows to choose from
  int steps = 0;   // default; 0: no training
};

constexpr Bench kBenches[] = {
    {"env", "Env steps per CPU-second over a bare mj_step loop on the same trajectory", BenchEnv,
     2.0, 5, true},
    {"gym", "Env steps per second of gym: and gym-process: beside Gymnasium's own loop", BenchGym,
     5.0, 5, true},
    {"policy", "Microseconds per PolicyNetwork::Act over its bare matrix products", BenchPolicy,
     0.5, 5, true},
    {"replay", "Rows appended and sampled per CPU-second over memcpy; memory per row", BenchReplay,
     2.0, 5, false},
    {"wire",
     "Rows inserted and sampled over gRPC per CPU-second, over bare streams of the same bytes",
     BenchWire, 4.0, 5, false},
    {"learner",
     "Updates per CPU-second, the share of the core's FMA peak they reach, SBX's and RLtools'",
     BenchLearner, 3.0, 3, true},
    {"actor", "A whole actor process over mj_step alone; its memory, seconds to its first row",
     BenchActor, 5.0, 5, true},
    {"cluster",
     "What a cluster costs over one process, with more actors, TLS, viewers; how actors scale",
     BenchCluster, 0.0, 3, true, 4000},
    {"verdict", "What a run's verdict promises of more actors or threads, and what they bring",
     BenchVerdict, 0.0, 1, true},
    {"e2e", "HalfCheetah-v5 at one update per env step, beside SBX, on the wall clock",
     BenchEndToEnd, 0.0, 3, true, 4000},
    {"ppo", "HalfCheetah-v5 by PPO, beside Stable-Baselines3 and CleanRL, per CPU-second", BenchPpo,
     0.0, 3, true, 20'480},
    {"threshold", "Seconds to a return of HalfCheetah, Hopper and Walker2d, beside SBX and SB3",
     BenchThreshold, 0.0, 1, true, 300'000},
};

void AddSets(const char* help, BenchFlags* flags, CLI::App* command) {
  command->add_option("--set", flags->sets, help)
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false)
      ->take_all();
}

void AddThreshold(BenchFlags* flags, CLI::App* command) {
  command->add_option("--env", flags->env, "Another task, or one of the three (default: all)");
  command->add_option("--threshold", flags->threshold, "The return to reach in --env");
  command->footer(
      "A side that does not reach it in --steps env steps, rounded up to 5,000, has no time.\n"
      "--rounds N runs seeds 1 to N; --only takes parts of TASK/SIDE, as v5/sac,v5/sbx.\n"
      "All sides run on the same --threads cores, one after the other, for hours.");
}

CLI::App* AddBench(const Bench& bench, BenchFlags* flags, CLI::App* app) {
  CLI::App* command = app->add_subcommand(bench.name, bench.help);
  command->add_flag("--json", flags->json, "Print one flat JSON object of name: number");
  command->add_option("--rounds", flags->rounds, "Alternations; the median counts")
      ->default_str(std::to_string(bench.rounds))
      ->check(CLI::Range(1, 100));
  if (bench.seconds > 0.0) {
    command->add_option("--seconds", flags->seconds, "CPU-seconds per row, all rounds together")
        ->default_str(CLI::detail::to_string(bench.seconds))
        ->check(CLI::Range(0.01, 1000.0));
  }
  if (bench.only) command->add_option("--only", flags->only, "Rows with this in the name, or: a,b");
  if (bench.run == BenchLearner || bench.run == BenchThreshold) {
    command->add_option("--threads", flags->threads, "Threads of the learner")
        ->check(CLI::Range(1, 64));
  }
  if (bench.run == BenchLearner) {
    command
        ->add_option("--device", flags->device,
                     "Where autograd's updates and every algorithm's run: cpu or cuda")
        ->check(CLI::IsMember({"cpu", "cuda"}));
    command->footer(
        "Its peers are SBX and RLtools (headers of PyPI's rltools with MKL, one thread), which\n"
        "experiments/peers/setup_peers.sh installs; without them ours alone.");
  }
  if (bench.steps > 0) {
    command
        ->add_option("--steps", flags->steps,
                     bench.run == BenchThreshold ? "Env steps after which a run gives up"
                                                 : "Env steps on the clock per run")
        ->default_str(std::to_string(bench.steps))
        ->check(CLI::Range(500, 10'000'000));
    AddSets("A setting of our runs, as in pmoe train; repeatable", flags, command);
  }
  if (bench.run == BenchCluster) {
    command->add_option("--csv", flags->csv, "File for the points of the part \"scale\"");
    command->footer("--only takes a part: modes, actors, tls, viewer or scale.");
  }
  if (bench.run == BenchVerdict) {
    AddSets("A setting of the runs, as in pmoe up; repeatable", flags, command);
    command->footer(
        "--only takes a part of sleep_light, sleep_heavy, cheetah_light, cheetah_heavy.");
  }
  if (bench.run == BenchThreshold) AddThreshold(flags, command);
  if (bench.run == BenchEndToEnd || bench.run == BenchPpo || bench.run == BenchLearner ||
      bench.run == BenchThreshold) {
    command->add_flag("!--no-peers", flags->peers, "Leave the peers out");
  }
  return command;
}

int Main(int argc, char** argv) {
  CLI::App app("Benchmarks with their limit or peer in the same run; docs/performance.md.",
               "pmoe bench");
  app.require_subcommand(1);
  std::vector<std::pair<const Bench*, const CLI::App*>> commands;
  std::vector<BenchFlags> flags(std::size(kBenches));
  for (const Bench& bench : kBenches) {
    BenchFlags& own = flags[commands.size()];
    own.seconds = bench.seconds;
    own.rounds = bench.rounds;
    own.steps = bench.steps;
    commands.emplace_back(&bench, AddBench(bench, &own, &app));
  }
  if (const std::optional<int> code = ParseCommandLine(&app, argc, argv)) return *code;
  for (size_t i = 0; i < commands.size(); ++i) {
    if (!commands[i].second->parsed()) continue;
    if (commands[i].first->run == BenchLearner) WaitWithoutSpinning(argv);
    Report report(flags[i].json);
    report.Note(DescribeMachine());
    const absl::Status status = commands[i].first->run(flags[i], &report);
    if (status.ok()) report.Finish();
    return ReportError(status);
  }
  return 2;
}

}  // namespace
}  // namespace pmoe

int main(int argc, char** argv) { return pmoe::Main(argc, argv); }
