// `pmoe status` and `pmoe health`: asks a running cluster how it fares.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/watch/actor_table.h"
#include "cli/watch/ask_learner.h"
#include "cli/watch/learner_target.h"
#include "cli/watch/live_screen.h"
#include "cli/watch/seeds_status.h"
#include "cli/watch/status_text.h"
#include "cli/watch/status_watch.h"
#include "cli/watch/still_run.h"
#include "common/base/clock.h"
#include "common/base/exit_code.h"
#include "common/base/interrupt.h"
#include "common/base/status_macros.h"
#include "common/config/seed_folder.h"
#include "common/rpc/channel.h"
#include "common/rpc/rpc_status.h"
#include "common/rpc/security_flags.h"
#include "control/wire/status_json.h"
#include "proto/health.grpc.pb.h"
#include "proto/run.grpc.pb.h"

namespace pmoe {
namespace {

constexpr int kNotServing = 4;

void PrintSeeds(const std::vector<SeedRow>& rows, bool json, LiveScreen* screen) {
  if (!json) return screen->Draw(SeedRowLines(rows));
  std::printf("%s\n", SeedRowsJson(rows).c_str());
  std::fflush(stdout);
}

// The runs of `pmoe train --seeds`, from their folder. watch: once a second, until Ctrl-C.
absl::StatusOr<int> ShowSeeds(const std::string& directory, bool json, bool watch) {
  LiveScreen screen(stdout);
  std::atomic<bool> once = true;
  const std::atomic<bool>& over = watch ? InstallInterruptHandler("", /*grace_s=*/0) : once;
  for (;;) {
    const auto next = Clock::Real()->Now() + kWatchEvery;
    PMOE_ASSIGN_OR_RETURN(const std::vector<SeedRow> rows, ReadSeedRows(directory));
    PrintSeeds(rows, json, &screen);
    while (!over && Clock::Real()->Now() < next) Clock::Real()->Sleep(kNap);
    if (over) return 0;
  }
}

class StatusCommand final : public Command {
 public:
  CLI::App* AddTo(CLI::App* app) override {
    CLI::App* const status =
        app->add_subcommand("status", "Show a running cluster: members, rates, who waits");
    status
        ->add_option("--run", run_,
                     "Run directory; default: the newest under runs/. A folder of "
                     "`pmoe train --seeds`: how each of its runs fares; one that no cluster "
                     "trains in: where it stopped, and how to go on")
        ->type_name("DIR");
    status->add_option("--learner", learner_, "Or the learner's address")->type_name("ADDR");
    security_.AddTo(status);
    status->add_flag("--json", json_, "As JSON");
    status->add_flag("--watch", watch_,
                     "One live screen, until Ctrl-C; with --json a line a second");
    status
        ->add_option("--sort", sort_,
                     "Of --watch: which actors come first; state: those that are gone, silent or "
                     "slow; else the fewest steps/s, the oldest weights, the most of others")
        ->check(CLI::IsMember(ActorSortFields()))
        ->type_name("FIELD");
    status
        ->add_option("--color", color_,
                     "Of --watch: auto is on a terminal, unless NO_COLOR is set or TERM is dumb")
        ->check(CLI::IsMember({"auto", "always", "never"}))
        ->type_name("WHEN");
    status->footer(
        "Examples:\n  pmoe status\n  pmoe status --run runs/my-run --json\n"
        "  pmoe status --learner unix:/tmp/learner.sock --watch --sort blocked\n"
        "  pmoe status --learner learner.example.org:7000 --tls certs/admin\n"
        "Exit code 3: nobody answers; a run of `pmoe train` has no learner that does.");
    return status;
  }

  // Prints to stdout. The exit code: 0; 2 for a bad flag or no run; 3 where nobody answers.
  absl::StatusOr<int> Run() override {
    if (learner_.empty() && !SeedsIn(run_).empty()) return ShowSeeds(run_, json_, watch_);
    PrepareGrpc();
    std::string run = run_;
    if (run.empty() && learner_.empty()) {
      PMOE_ASSIGN_OR_RETURN(run, NewestClusterRun());
    }
    const auto find = [this, run] {
      return learner_.empty() ? TargetOfRun(run, security_)
                              : TargetAt(learner_, "--learner", security_);
    };
    const absl::StatusOr<LearnerTarget> target = find();
    if (!target.ok()) {
      if (!absl::IsNotFound(target.status()) || run.empty()) return target.status();
      PMOE_RETURN_IF_ERROR(ShowStill(run));
      return kNobodyAnswers;
    }
    if (watch_) {
      return WatchStatus({find, learner_.empty() ? run : "", json_, color_, sort_}, *target);
    }
    const absl::StatusOr<RunStatus> status = AskStatus(StubOf(*target).get());
    if (!status.ok()) {
      const int code = ReportNoAnswer(*target, status.status());
      if (learner_.empty() && !json_) PMOE_RETURN_IF_ERROR(ShowStill(run));
      return code;
    }
    std::fputs((json_ ? StatusJson(*status, /*pretty=*/true) : StatusText(*status)).c_str(),
               stdout);
    return 0;
  }

 private:
  absl::Status ShowStill(const std::string& directory) const {
    PMOE_ASSIGN_OR_RETURN(const StillRun run, LookAtStillRun(directory));
    std::fputs((json_ ? run.Json() + "\n" : run.Text()).c_str(), stdout);
    return absl::OkStatus();
  }

  std::string run_;
  std::string learner_;
  bool json_ = false;
  bool watch_ = false;
  std::string sort_ = "state";
  std::string color_ = "auto";
  SecurityFlags security_;
};

class HealthCommand final : public Command {
 public:
  CLI::App* AddTo(CLI::App* app) override {
    CLI::App* const health = app->add_subcommand("health", "Probe one process of a cluster");
    health->add_option("ADDR", address_, "Its address: unix:/path or host:port")->required();
    security_.AddTo(health);
    health->add_option("--timeout", timeout_s_, "Seconds to wait for an answer")
        ->type_name("S")
        ->check(CLI::Range(0.01, 3600.0));
    health->footer(
        "Examples:\n  pmoe health unix:/tmp/learner.sock\n"
        "  pmoe health 127.0.0.1:7000 --tls certs/learner\n"
        "Exit code 0: serving; 2: bad flag; 3: nobody answers; 4: there, but not serving.");
    return health;
  }

  // 0: serving; 2: bad flag; 3: nobody answers; 4: there, but not serving.
  absl::StatusOr<int> Run() override {
    PrepareGrpc();
    const absl::StatusOr<LearnerTarget> target = TargetAt(address_, "ADDR", security_);
    if (!target.ok()) return ReportError(target.status());
    const auto stub = grpc::health::v1::Health::NewStub(
        MakeChannel(target->address, /*server=*/std::nullopt, target->security));
    grpc::ClientContext context;
    SetDeadline(&context, std::chrono::milliseconds(static_cast<int64_t>(1000.0 * timeout_s_)));
    grpc::health::v1::HealthCheckResponse response;
    const absl::Status status =
        FromGrpc(stub->Check(&context, grpc::health::v1::HealthCheckRequest(), &response));
    if (!status.ok()) {
      std::printf("%s: nobody answers: %s%s\n", address_.c_str(),
                  std::string(status.message()).c_str(), target->security.Hint(status).c_str());
      return kNobodyAnswers;
    }
    const bool serving = response.status() == grpc::health::v1::HealthCheckResponse::SERVING;
    std::printf("%s: %s\n", address_.c_str(), serving ? "serving" : "not serving");
    return serving ? 0 : kNotServing;
  }

 private:
  std::string address_;
  double timeout_s_ = 2.0;
  SecurityFlags security_;
};

}  // namespace

std::unique_ptr<Command> MakeStatusCommand() { return std::make_unique<StatusCommand>(); }

std::unique_ptr<Command> MakeHealthCommand() { return std::make_unique<HealthCommand>(); }

}  // namespace pmoe
