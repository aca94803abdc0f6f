#include "cli/watch/ask_learner.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "common/base/exit_code.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/rpc_status.h"

namespace pmoe {
namespace {

constexpr int kRefused = 2;
constexpr std::chrono::milliseconds kAnswerTimeout(3000);

}  // namespace

std::unique_ptr<RunService::Stub> StubOf(const LearnerTarget& target) {
  return RunService::NewStub(MakeChannel(target.address, PeerRole::kLearner, target.security));
}

absl::StatusOr<RunStatus> AskStatus(RunService::Stub* stub) {
  grpc::ClientContext context;
  SetDeadline(&context, kAnswerTimeout);
  RunStatus status;
  PMOE_RETURN_IF_ERROR(FromGrpc(stub->GetStatus(&context, GetStatusRequest(), &status)));
  return status;
}

bool IsRefusal(const absl::Status& status) {
  return absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status);
}

int ReportNoAnswer(const LearnerTarget& target, const absl::Status& status) {
  const bool refused = IsRefusal(status);
  ReportError(absl::UnavailableError(
      absl::StrCat(refused ? "refused by the learner" : "no learner answers", " at ",
                   target.address.Text(), ": ", status.message(), target.security.Hint(status))));
  return refused ? kRefused : kNobodyAnswers;
}

}  // namespace pmoe
