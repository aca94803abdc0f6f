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
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cli/commands.h"
#include "cli/watch/learner_target.h"
#include "cli/watch/live_screen.h"
#include "cli/watch/seeds_status.h"
#include "cli/watch/status_text.h"
#include "cli/watch/still_run.h"
#include "common/base/clock.h"
#include "common/base/exit_code.h"
#include "common/base/interrupt.h"
#include "common/base/log.h"
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

constexpr int kRefused = 2;
constexpr int kNobodyAnswers = 3;
constexpr int kNotServing = 4;
constexpr std::chrono::milliseconds kAnswerTimeout(3000);
constexpr std::chrono::seconds kWatchEvery(1);
constexpr std::chrono::milliseconds kNap(50);

absl::StatusOr<RunStatus> Ask(RunService::Stub* stub) {
  grpc::ClientContext context;
  SetDeadline(&context, kAnswerTimeout);
  RunStatus status;
  PMOE_RETURN_IF_ERROR(FromGrpc(stub->GetStatus(&context, GetStatusRequest(), &status)));
  return status;
}

// A learner that answers and refuses is one that the user can satisfy; waiting would not help.
bool IsRefusal(const absl::Status& status) {
  return absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status);
}

int NoAnswer(const LearnerTarget& target, const absl::Status& status) {
  const bool refused = IsRefusal(status);
  ReportError(absl::UnavailableError(
      absl::StrCat(refused ? "refused by the learner" : "no learner answers", " at ",
                   target.address.Text(), ": ", status.message(), target.security.Hint(status))));
  return refused ? kRefused : kNobodyAnswers;
}

std::string TimeText() { return absl::FormatTime("%H:%M:%S", absl::Now(), absl::LocalTimeZone()); }

// What --watch shows: the last status that came, once a second.
class StatusWatch {
 public:
  explicit StatusWatch(bool json) : json_(json) {}

  void Show(const RunStatus& status) {
    away_since_.clear();
    last_ = StatusText(status);
    finished_ = status.state() == "finished";
    if (json_) {
      std::printf("%s\n", StatusJson(status).c_str());
      std::fflush(stdout);
    } else {
      Draw("");
    }
  }
  void ShowAway(const std::string& address, const absl::Status& why) {
    if (away_since_.empty()) away_since_ = TimeText();
    const std::string text = absl::StrCat("no learner answers at ", address, " since ", away_since_,
                                          ": ", std::string(why.message()));
    if (json_) {
      Log(LogLevel::kWarning, text);
    } else {
      Draw(absl::StrCat(TimeText(), " ", text, "\n"));
    }
  }
  // The learner says so and then ends.
  bool over() const { return finished_ && !away_since_.empty(); }

 private:
  // Members' lines are cut on the right; what is said in sentences goes on in the next line.
  void Draw(const std::string& first) {
    const auto columns =
        screen_.is_terminal() ? static_cast<size_t>(screen_.size().columns - 1) : std::string::npos;
    std::vector<std::string> lines;
    const std::string text = first + last_;
    for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
      const bool is_member = line[0] == ' ';
      while (!is_member && line.size() > columns) {
        const size_t cut = line.rfind(' ', columns);
        if (cut == 0 || cut == line.npos) break;
        lines.emplace_back(line.substr(0, cut));
        line.remove_prefix(cut);
      }
      lines.emplace_back(line);
    }
    screen_.Draw(lines);
  }

  const bool json_;
  LiveScreen screen_{stdout};
  std::string last_;        // what the last answer said
  std::string away_since_;  // empty: it answers
  bool finished_ = false;
};

// Until Ctrl-C or the run's end. A learner that comes back may listen elsewhere, so after a failure
// it is looked for again.
int Watch(const std::function<absl::StatusOr<LearnerTarget>()>& find, LearnerTarget target,
          bool json) {
  const auto connect = [](const LearnerTarget& to) {
    return RunService::NewStub(MakeChannel(to.address, PeerRole::kLearner, to.security));
  };
  auto stub = connect(target);
  StatusWatch watch(json);
  const std::atomic<bool>& interrupted = InstallInterruptHandler("", /*grace_s=*/0);
  while (!interrupted && !watch.over()) {
    const auto next = Clock::Real()->Now() + kWatchEvery;
    const absl::StatusOr<RunStatus> status = Ask(stub.get());
    if (IsRefusal(status.status())) return NoAnswer(target, status.status());
    if (status.ok()) {
      watch.Show(*status);
    } else {
      watch.ShowAway(target.address.Text(), status.status());
      absl::StatusOr<LearnerTarget> now = find();
      if (now.ok() && now->address.Text() != target.address.Text()) {
        target = *std::move(now);
        stub = connect(target);
      }
    }
    while (!interrupted && !watch.over() && Clock::Real()->Now() < next) {
      Clock::Real()->Sleep(kNap);
    }
  }
  return 0;
}

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
    status->footer(
        "Examples:\n  pmoe status\n  pmoe status --run runs/my-run --json\n"
        "  pmoe status --learner unix:/tmp/learner.sock --watch\n"
        "  pmoe status --learner learner.example.org:7000 --tls certs/admin\n"
        "Exit code 3: nobody answers; a run of `pmoe train` has no learner that does.");
    return status;
  }

  // Prints to stdout. The exit code: 0; 2 for a bad flag or no run; 3 where nobody answers.
  absl::StatusOr<int> Run() override {
    if (learner_.empty() && !SeedsIn(run_).empty()) return ShowSeeds(run_, json_, watch_);
    PrepareGrpc();
    const auto find = [this] {
      return learner_.empty() ? TargetOfRun(run_, security_)
                              : TargetAt(learner_, "--learner", security_);
    };
    const absl::StatusOr<LearnerTarget> target = find();
    if (!target.ok()) {
      const bool no_cluster = absl::IsNotFound(target.status()) && !run_.empty();
      if (no_cluster) {
        PMOE_RETURN_IF_ERROR(ShowStill());
        return kNobodyAnswers;
      }
      return target.status();
    }
    if (watch_) return Watch(find, *target, json_);
    const auto stub =
        RunService::NewStub(MakeChannel(target->address, PeerRole::kLearner, target->security));
    const absl::StatusOr<RunStatus> status = Ask(stub.get());
    if (!status.ok()) {
      const int code = NoAnswer(*target, status.status());
      if (learner_.empty() && !run_.empty() && !json_) PMOE_RETURN_IF_ERROR(ShowStill());
      return code;
    }
    std::fputs((json_ ? StatusJson(*status, /*pretty=*/true) : StatusText(*status)).c_str(),
               stdout);
    return 0;
  }

 private:
  absl::Status ShowStill() const {
    PMOE_ASSIGN_OR_RETURN(const std::string text, StillRunText(run_, json_));
    std::fputs(text.c_str(), stdout);
    return absl::OkStatus();
  }

  std::string run_;
  std::string learner_;
  bool json_ = false;
  bool watch_ = false;
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
