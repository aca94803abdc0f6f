// pmoe-actor: steps environments. `run` is an actor or the evaluator of a cluster; the rest serves
// `pmoe eval`, `pmoe play`, `pmoe envs`, `pmoe env` and the environment's part of `pmoe config
// check`.
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "actor/actor_process.h"
#include "actor/command/commands.h"
#include "actor/evaluator_process.h"
#include "common/base/interrupt.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/security_flags.h"
#include "common/rpc/server.h"
#include "control/client/run_follower.h"

namespace pmoe {
namespace {

struct ProcessFlags {
  std::string learner;
  bool evaluate = false;
  int give_up_s = 600;
  std::string metrics;
  std::string health;
  std::string audit;
  SecurityFlags security;
  int parent = 0;
};

void AddProcessFlags(CLI::App* app, ProcessFlags* flags) {
  app->add_option("--learner", flags->learner, "Where the learner listens: unix:/path or host:port")
      ->type_name("ADDR")
      ->required();
  app->add_flag("--evaluate", flags->evaluate, "Play evaluation episodes instead of collecting");
  app->add_option("--give-up", flags->give_up_s, "Seconds without a learner before it ends")
      ->type_name("S")
      ->check(CLI::Range(1, 1000000000));
  app->add_option("--metrics", flags->metrics, "Serve /metrics for Prometheus there; port 0: any")
      ->type_name("HOST:PORT");
  app->add_option("--health", flags->health,
                  "Answer `pmoe health` there: serving while the learner is heard")
      ->type_name("ADDR");
  app->add_option("--audit", flags->audit, "Folder for a log of every row sent, for checks")
      ->type_name("DIR");
  flags->security.AddTo(app);
  app->add_option("--parent", flags->parent, "Ends with this process")->group("");
  app->footer(
      "Everything else (task, policy, replay's address) comes from the learner.\n"
      "Example, by hand, each in its own terminal:\n"
      "  pmoe-learner --listen unix:/tmp/learner.sock --env Hopper-v5 --out runs/by-hand\n"
      "  pmoe-replay --learner unix:/tmp/learner.sock --listen unix:/tmp/replay.sock "
      "--dir runs/by-hand/replay\n"
      "  pmoe-actor run --learner unix:/tmp/learner.sock\n"
      "  pmoe-actor run --learner unix:/tmp/learner.sock --evaluate\n"
      "Over TCP, with certificates of `pmoe certs init --out certs`:\n"
      "  pmoe-actor run --learner learner.example.org:7000 --tls certs/actor");
}

absl::StatusOr<std::unique_ptr<RpcServer>> StartHealth(const std::string& listen,
                                                       const RpcSecurity& security) {
  PMOE_ASSIGN_OR_RETURN(const RpcAddress address, security.ParseAddress(listen, "--health"));
  PMOE_ASSIGN_OR_RETURN(std::unique_ptr<RpcServer> server, RpcServer::Start(address, {}, security));
  server->SetServing(false);
  return server;
}

absl::Status TakePart(const ProcessFlags& flags) {
  if (flags.parent > 0) EndWithParent(flags.parent);
  const std::atomic<bool>& interrupted =
      InstallInterruptHandler("pmoe: sending what is left; once more ends it now\n", /*grace_s=*/9);
  PrepareGrpc();
  PMOE_ASSIGN_OR_RETURN(const RpcSecurity security, flags.security.Load(PeerRole::kActor));
  PMOE_ASSIGN_OR_RETURN(const RpcAddress learner,
                        security.ParseAddress(flags.learner, "--learner"));
  ActorProcessOptions options;
  options.membership.learner = learner;
  options.membership.security = security;
  options.membership.process = MakeProcessInfo();
  options.membership.give_up = std::chrono::seconds(flags.give_up_s);
  options.metrics = flags.metrics;
  options.audit_dir = flags.audit;
  std::unique_ptr<RpcServer> health;
  if (!flags.health.empty()) {
    PMOE_ASSIGN_OR_RETURN(health, StartHealth(flags.health, security));
    options.membership.on_heard = [&health](bool heard) { health->SetServing(heard); };
  }
  const absl::Status status = flags.evaluate ? RunEvaluatorProcess(options, interrupted)
                                             : RunActorProcess(options, interrupted);
  return absl::IsCancelled(status) ? absl::OkStatus() : status;
}

// `run`: an actor or the evaluator of a cluster.
class ProcessCommand final : public Command {
 public:
  CLI::App* AddTo(CLI::App* app) override {
    CLI::App* const run = app->add_subcommand("run", "Takes part in a run: collects or evaluates");
    AddProcessFlags(run, &flags_);
    return run;
  }
  absl::StatusOr<int> Run() override {
    PMOE_RETURN_IF_ERROR(TakePart(flags_));
    return 0;
  }

 private:
  ProcessFlags flags_;
};

int Main(int argc, char** argv) {
  CLI::App app("Steps environments.", "pmoe");
  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(std::make_unique<ProcessCommand>());
  for (const auto make : {MakeEvalCommand, MakePlayCommand, MakeExportCommand, MakeEnvsCommand,
                          MakeEnvCommand, MakeCheckEnvCommand}) {
    commands.push_back(make());
  }
  return CommandSet(&app, std::move(commands)).Run(argc, argv);
}

}  // namespace
}  // namespace pmoe

int main(int argc, char** argv) { return pmoe::Main(argc, argv); }
