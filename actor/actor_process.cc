#include "actor/actor_process.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "actor/actor.h"
#include "actor/configured_env.h"
#include "actor/rpc_run_client.h"
#include "common/base/status_macros.h"
#include "replay/client/rpc_writer.h"

namespace pmoe {
namespace {

constexpr std::chrono::seconds kFlushTimeout(4);
constexpr std::chrono::milliseconds kTick(50);

// One process, which may take several seats one after the other.
class ActorProcess {
 public:
  ActorProcess(const ActorProcessOptions& options, const std::atomic<bool>& interrupted)
      : options_(options),
        interrupted_(interrupted),
        client_(&interrupted, [this] { return Rates(); }),
        follower_(options.membership, &client_) {
    client_.SetReporter([this] { follower_.ReportNow(); });
  }

  absl::Status Run();

 private:
  absl::Status Live();
  absl::StatusOr<TableAssignment> AwaitOrders();
  absl::Status CheckSpec(const PolicySpec& policy) const;
  ActorRates Rates();

  const ActorProcessOptions& options_;
  const std::atomic<bool>& interrupted_;
  RunConfig config_;
  EnvSpec env_;
  std::shared_ptr<RpcTransitionWriter> writer_;  // shared with the thread that reports rates
  Mutex mu_;
  std::weak_ptr<RpcTransitionWriter> watched_ ABSL_GUARDED_BY(mu_);
  RpcRunClient client_;
  RunFollower follower_;  // last: its threads use what stands above
};

absl::Status ActorProcess::Run() {
  PMOE_ASSIGN_OR_RETURN(const JoinReply joined, follower_.Join(interrupted_));
  config_ = joined.config();
  client_.SetSeat(joined.seat());
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<Env> probe, MakeConfiguredEnv(config_));
  env_ = probe->spec();
  client_.SetEnv(env_);
  follower_.Follow();
  absl::Status status;
  do {
    client_.ClearSeatChange();
    status = Live();
  } while (status.ok() && client_.seat_changed() && !interrupted_);
  follower_.Leave();
  return absl::IsCancelled(status) ? absl::OkStatus() : status;
}

}  // namespace
}  // namespace pmoe
