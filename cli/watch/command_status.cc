#include "cli/watch/command_status.h"

#include <chrono>
#include <cstdio>
#include <functional>
#include <optional>
#include <utility>

#include "CLI/CLI.hpp"
#include "cli/watch/learner_target.h"
#include "cli/watch/status_text.h"
#include "cli/watch/status_watch.h"
#include "common/base/exit_code.h"
#include "common/base/interrupt.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/rpc_status.h"
#include "common/run/status_json.h"
#include "proto/health.grpc.pb.h"
#include "proto/run.grpc.pb.h"

namespace pmoe {
namespace {

constexpr int kRefused = 2;
constexpr int kNobodyAnswers = 3;
constexpr int kNotServing = 4;
constexpr std::chrono::milliseconds kAnswerTimeout(3000);

absl::StatusOr<RunStatus> Ask(RunService::Stub* stub) {
  grpc::ClientContext context;
  SetDeadline(&context, kAnswerTimeout);
  RunStatus status;
  PMOE_RETURN_IF_ERROR(FromGrpc(stub->GetStatus(&context, GetStatusRequest(), &status)));
  return status;
}

// A learner that answers and refuses is one that the user can satisfy.
int NoAnswer(const LearnerTarget& target, const absl::Status& status) {
  const bool refused = absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status);
  ReportError(absl::UnavailableError(
      absl::StrCat(refused ? "refused by the learner" : "no learner answers", " at ",
                   target.address.Text(), ": ", status.message(), target.security.Hint(status))));
  return refused ? kRefused : kNobodyAnswers;
}

// A learner that comes back may listen elsewhere, so after a failure it is looked for again.
int Watch(const std::function<absl::StatusOr<LearnerTarget>()>& find, LearnerTarget target,
          bool json) {
  const auto connect = [](const LearnerTarget& to) {
    return RunService::NewStub(MakeChannel(to.address, PeerRole::kLearner, to.security));
  };
  auto stub = connect(target);
  WatchOptions options;
  options.json = json;
  options.address = [&] { return target.address.Text(); };
  options.ask = [&]() -> absl::StatusOr<RunStatus> {
    absl::StatusOr<RunStatus> status = Ask(stub.get());
    if (status.ok()) return status;
    absl::StatusOr<LearnerTarget> now = find();
    if (now.ok() && now->address.Text() != target.address.Text()) {
      target = *std::move(now);
      stub = connect(target);
    }
    return status;
  };
  const absl::Status end = WatchStatus(options, InstallInterruptHandler("", /*grace_s=*/0));
  return end.ok() ? 0 : NoAnswer(target, end);
}

}  // namespace

void StatusCommand::AddTo(CLI::App* app) {
  status_ = app->add_subcommand("status", "Show a running cluster: members, rates, who waits");
  status_->add_option("--run", run_, "Run directory; default: the newest under runs/")
      ->type_name("DIR");
  status_->add_option("--learner", learner_, "Or the learner's address")->type_name("ADDR");
  security_.AddTo(status_);
  status_->add_flag("--json", json_, "As JSON");
  status_->add_flag("--watch", watch_,
                    "One live screen, until Ctrl-C; with --json a line a second");
  status_->footer(
      "Examples:\n  pmoe status\n  pmoe status --run runs/my-run --json\n"
      "  pmoe status --learner unix:/tmp/learner.sock --watch\n"
      "  pmoe status --learner learner.example.org:7000 --tls certs/admin\n"
      "Exit code 3: nobody answers.");
}

bool StatusCommand::chosen() const { return status_->parsed(); }

int StatusCommand::Run() const {
  PrepareGrpc();
  const auto find = [this] {
    return learner_.empty() ? TargetOfRun(run_, security_)
                            : TargetAt(learner_, "--learner", security_);
  };
  const absl::StatusOr<LearnerTarget> target = find();
  if (!target.ok()) return ReportError(target.status());
  if (watch_) return Watch(find, *target, json_);
  const auto stub =
      RunService::NewStub(MakeChannel(target->address, PeerRole::kLearner, target->security));
  const absl::StatusOr<RunStatus> status = Ask(stub.get());
  if (!status.ok()) return NoAnswer(*target, status.status());
  std::fputs((json_ ? StatusJson(*status, /*pretty=*/true) : StatusText(*status)).c_str(), stdout);
  return 0;
}

void HealthCommand::AddTo(CLI::App* app) {
  health_ = app->add_subcommand("health", "Probe one process of a cluster");
  health_->add_option("ADDR", address_, "Its address: unix:/path or host:port")->required();
  security_.AddTo(health_);
  health_->add_option("--timeout", timeout_s_, "Seconds to wait for an answer")
      ->type_name("S")
      ->check(CLI::Range(0.01, 3600.0));
  health_->footer(
      "Examples:\n  pmoe health unix:/tmp/learner.sock\n"
      "  pmoe health 127.0.0.1:7000 --tls certs/learner\n"
      "Exit code 0: serving; 2: bad flag; 3: nobody answers; 4: there, but not serving.");
}

bool HealthCommand::chosen() const { return health_->parsed(); }

int HealthCommand::Run() const {
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

}  // namespace pmoe
