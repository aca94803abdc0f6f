// `pmoe eval`, which plays episodes with a run's policy and prints their returns.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "actor/command/commands.h"
#include "actor/command/policy_flags.h"
#include "actor/configured_env.h"
#include "actor/evaluation_trace.h"
#include "common/base/interrupt.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/base/stopwatch.h"

namespace pmoe {
namespace {

void PrintEvaluation(const Evaluation& evaluation) {
  std::printf("return  %.2f ± %.2f\n", evaluation.return_mean, evaluation.return_std);
  std::printf("length  %.1f ± %.1f\n", evaluation.length_mean, evaluation.length_std);
  for (size_t k = 0; k < evaluation.primitive_usage.size(); ++k) {
    std::printf("primitive %zu used in %.1f %% of the steps\n", k,
                100.0 * evaluation.primitive_usage[k]);
  }
}

// Counts episodes on a terminal.
class Progress {
 public:
  explicit Progress(int episodes) : episodes_(episodes) {}
  ~Progress() { Logger::OfProcess().EraseLive(); }
  void Add() {
    Logger::OfProcess().DrawLive(absl::StrCat(++done_, " of ", episodes_, " episodes"));
  }

 private:
  const int episodes_;
  std::atomic<int> done_ = 0;
};

class EvalCommand final : public Command {
 public:
  CLI::App* AddTo(CLI::App* app) override {
    CLI::App* const command = app->add_subcommand("eval", "Plays episodes with a run's policy");
    run_.AddTo(command);
    policy_.AddTo(command, /*default_episodes=*/10);
    command
        ->add_option("--threads", threads_,
                     "Threads that share the episodes, ten at a time; changes no number")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
    command
        ->add_option("--trace", trace_,
                     "CSV of every step: router weights, who acted, all primitives' means, action, "
                     "observation")
        ->type_name("FILE");
    command->footer(
        "Examples:\n"
        "  pmoe eval --run runs/my-run --episodes 100 --primitive argmax --threads 2\n"
        "  pmoe eval --run runs/my-run --obs-noise 0.05 --trace steps.csv");
    return command;
  }

  absl::StatusOr<int> Run() override {
    const std::atomic<bool>& interrupted = InstallInterruptHandler(
        "\npmoe: ending the episodes; once more ends it now\n", /*grace_s=*/0);
    PMOE_ASSIGN_OR_RETURN(const LoadedRun run, run_.Load());
    const PolicySpec& policy = run.snapshot->spec;
    PMOE_ASSIGN_OR_RETURN(const EvaluatorOptions options, policy_.Options(run));
    std::unique_ptr<EvaluationTrace> trace;
    if (!trace_.empty()) {
      PMOE_ASSIGN_OR_RETURN(trace, EvaluationTrace::Create(trace_, policy));
    }
    const Stopwatch watch;
    std::vector<Episode> episodes;
    {
      Progress progress(options.episodes);
      PMOE_ASSIGN_OR_RETURN(episodes, Play(
                                          run, options,
                                          [&](const EvaluatedStep& step) {
                                            if (trace != nullptr) trace->Add(step);
                                            if (step.result.done()) progress.Add();
                                          },
                                          interrupted));
    }
    if (trace != nullptr) PMOE_RETURN_IF_ERROR(trace->Close());
    const Evaluation evaluation = Summarize(episodes, run.snapshot->env_steps, watch.Elapsed());
    std::printf("%s snapshot of %llu env steps, %d episodes, %s\n", run_.snapshot().c_str(),
                static_cast<unsigned long long>(evaluation.env_steps), options.episodes,
                policy_.Describe().c_str());
    PrintEvaluation(evaluation);
    return 0;
  }

 private:
  absl::StatusOr<std::vector<Episode>> Play(const LoadedRun& run, const EvaluatorOptions& options,
                                            const StepObserver& observer,
                                            const std::atomic<bool>& interrupted) const {
    const int parts = std::min(threads_, EvaluatorPartsMax(options));
    std::vector<std::unique_ptr<Evaluator>> evaluators;
    for (int part = 0; part < parts; ++part) {
      EvaluatorOptions own = options;
      own.part = part;
      own.parts = parts;
      PMOE_ASSIGN_OR_RETURN(std::unique_ptr<Evaluator> evaluator,
                            Evaluator::Create(own, run.snapshot->spec,
                                              [&run] { return MakeConfiguredEnv(run.config); }));
      evaluator->Observe(observer);
      evaluators.push_back(std::move(evaluator));
    }
    std::vector<absl::StatusOr<std::vector<Episode>>> played(parts, std::vector<Episode>());
    {
      std::vector<std::jthread> threads;
      for (int part = 0; part < parts; ++part) {
        threads.emplace_back([&, part] {
          played[part] = evaluators[part]->Play(run.snapshot, /*stream=*/0,
                                                [&interrupted] { return interrupted.load(); });
        });
      }
    }
    std::vector<Episode> all;
    for (const absl::StatusOr<std::vector<Episode>>& episodes : played) {
      PMOE_RETURN_IF_ERROR(episodes.status());
      all.insert(all.end(), episodes->begin(), episodes->end());
    }
    std::sort(all.begin(), all.end(),
              [](const Episode& a, const Episode& b) { return a.index < b.index; });
    return all;
  }

  RunFlags run_;
  PolicyFlags policy_;
  int threads_ = 1;
  std::string trace_;
};

}  // namespace

std::unique_ptr<Command> MakeEvalCommand() { return std::make_unique<EvalCommand>(); }

}  // namespace pmoe
