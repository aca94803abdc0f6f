// pmoe-replay: one shard of replay as a process.
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "common/base/command_line.h"
#include "common/base/exit_code.h"
#include "common/base/interrupt.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/rpc_status.h"
#include "common/rpc/security_flags.h"
#include "proto/replay.grpc.pb.h"
#include "replay/load/load_file.h"
#include "replay/service/limiter_command.h"
#include "replay/service/replay_dump.h"
#include "replay/service/replay_process.h"
#include "replay/service/replay_verify.h"
#include "replay/wire/table_name.h"

namespace pmoe {
namespace {

// The least that keeps SIGTERM within 10 s, whatever hangs.
constexpr unsigned kGrace_s = 9;

struct Flags {
  std::string learner;
  std::string listen;
  std::string advertise;
  SecurityFlags security;
  std::string dir;
  std::string metrics;
  int give_up_s = 600;
  int parent = 0;
};

void AddFlags(CLI::App* app, Flags* flags) {
  app->add_option("--learner", flags->learner, "Where the learner listens: unix:/path or host:port")
      ->type_name("ADDR");
  app->add_option("--listen", flags->listen,
                  "Where writers and the learner find this shard; port 0 picks a free one")
      ->type_name("ADDR");
  app->add_option("--advertise", flags->advertise,
                  "Where others find this shard, if not at --listen; port 0: the one listened on")
      ->type_name("HOST:PORT");
  flags->security.AddTo(app);
  app->add_option("--dir", flags->dir, "Folder of the shard's checkpoints, <name>.table")
      ->type_name("DIR");
  app->add_option("--metrics", flags->metrics, "Serves /metrics for Prometheus there")
      ->type_name("HOST:PORT");
  app->add_option("--give-up", flags->give_up_s, "Seconds without a learner before it ends")
      ->type_name("S")
      ->check(CLI::Range(1, 1000000000));
  app->add_option("--parent", flags->parent, "Ends with this process")->group("");
  app->footer(
      "What the table looks like comes from the learner. SIGTERM saves the table and ends.\n"
      "Examples:\n"
      "  pmoe-replay --learner unix:/tmp/learner.sock --listen unix:/tmp/replay.sock "
      "--dir runs/by-hand/replay\n"
      "  pmoe-replay --learner learner.example.org:7000 --listen 0.0.0.0:7000 --tls certs/replay "
      "--dir runs/by-hand/replay\n"
      "  pmoe-replay verify runs/by-hand/replay\n"
      "  pmoe-replay load halfcheetah.npz unix:/tmp/replay.sock\n"
      "  pmoe-replay dump runs/by-hand/replay/20000.table");
}

absl::Status Required(const std::string& value, const std::string& flag) {
  if (!value.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(flag + " is missing (see pmoe-replay --help)");
}

// Where others find the shard, if not where it listens.
absl::StatusOr<RpcAddress> Advertised(const Flags& flags, const RpcAddress& listen,
                                      const RpcSecurity& security) {
  if (flags.advertise.empty()) return RpcAddress();
  PMOE_ASSIGN_OR_RETURN(RpcAddress address, security.ParseAddress(flags.advertise, "--advertise"));
  if (!address.is_unix && !address.is_any() && !listen.is_unix) return address;
  return absl::InvalidArgumentError(absl::StrCat("--advertise ", flags.advertise,
                                                 " must be the host and port where others find "
                                                 "this shard, and --listen TCP too"));
}

absl::StatusOr<ReplayProcessOptions> MakeOptions(const Flags& flags) {
  PMOE_ASSIGN_OR_RETURN(const RpcSecurity security, flags.security.Load(PeerRole::kReplay));
  PMOE_ASSIGN_OR_RETURN(const RpcAddress learner,
                        security.ParseAddress(flags.learner, "--learner"));
  PMOE_ASSIGN_OR_RETURN(const RpcAddress listen, security.ParseAddress(flags.listen, "--listen"));
  PMOE_ASSIGN_OR_RETURN(const RpcAddress advertise, Advertised(flags, listen, security));
  ReplayProcessOptions options;
  options.membership.learner = learner;
  options.membership.security = security;
  options.membership.process = MakeProcessInfo();
  options.membership.give_up = std::chrono::seconds(flags.give_up_s);
  options.listen = listen;
  options.advertise = advertise;
  options.dir = flags.dir;
  options.metrics = flags.metrics;
  return options;
}

absl::Status Serve(const Flags& flags) {
  if (flags.parent > 0) EndWithParent(flags.parent);
  const std::atomic<bool>& interrupted =
      InstallInterruptHandler("pmoe-replay: saving the table; once more ends it now\n", kGrace_s);
  PrepareGrpc();
  PMOE_RETURN_IF_ERROR(Required(flags.learner, "--learner"));
  PMOE_RETURN_IF_ERROR(Required(flags.listen, "--listen"));
  PMOE_RETURN_IF_ERROR(Required(flags.dir, "--dir"));
  PMOE_ASSIGN_OR_RETURN(const ReplayProcessOptions options, MakeOptions(flags));
  return RunReplayProcess(options, interrupted);
}

// Asks a shard that runs.
absl::Status Checkpoint(const std::string& at, const std::string& table,
                        const SecurityFlags& flags) {
  constexpr std::chrono::minutes kFileTime(10);
  PMOE_RETURN_IF_ERROR(CheckTableName("--table", table));
  PrepareGrpc();
  PMOE_ASSIGN_OR_RETURN(const RpcSecurity security, flags.Load(PeerRole::kAdmin));
  PMOE_ASSIGN_OR_RETURN(const RpcAddress address, security.ParseAddress(at, "ADDR"));
  const auto stub = ReplayService::NewStub(MakeChannel(address, PeerRole::kReplay, security));
  grpc::ClientContext context;
  SetDeadline(&context, kFileTime);
  CheckpointRequest request;
  request.set_table(table);
  CheckpointReply reply;
  const absl::Status status = FromGrpc(stub->Checkpoint(&context, request, &reply));
  if (!status.ok()) return absl::Status(status.code(), absl::StrCat(at, ": ", status.message()));
  const std::string folder = table.empty() ? "" : absl::StrCat("tables/", table, "/");
  std::printf("saved as %s%s.table\n", folder.c_str(), reply.name().c_str());
  return absl::OkStatus();
}

// Gives rows of a file to a shard that runs.
absl::Status Load(const std::string& path, const std::string& actions, const std::string& at,
                  const std::string& table, const SecurityFlags& flags) {
  PMOE_RETURN_IF_ERROR(CheckTableName("--table", table));
  const std::atomic<bool>& interrupted =
      InstallInterruptHandler("pmoe-replay: ending the load; once more ends it now\n", 0);
  PrepareGrpc();
  LoadFileOptions options;
  options.path = path;
  options.table = table;
  PMOE_ASSIGN_OR_RETURN(options.actions, ActionRange::Parse(actions));
  PMOE_ASSIGN_OR_RETURN(options.security, flags.Load(PeerRole::kAdmin));
  PMOE_ASSIGN_OR_RETURN(options.shard, options.security.ParseAddress(at, "ADDR"));
  return LoadFile(options, interrupted, stdout);
}

// The commands beside serving.
class Tools {
 public:
  void AddTo(CLI::App* app) {
    dump_ = app->add_subcommand("dump", "Prints every transition of a saved table");
    dump_->add_option("FILE", path_, "A saved table, <name>.table")->required();
    dump_->footer(
        "One line per transition, stream by stream:\n"
        "  actor epoch env step crc32c policy_version");
    verify_ = app->add_subcommand("verify", "Says what a shard's folder holds and what is damaged");
    verify_->add_option("PATH", path_, "The folder, or one saved table")->required();
    verify_->footer("Reads every byte and changes none; not of a shard that runs.");
    checkpoint_ = app->add_subcommand("checkpoint", "Has a running shard save its table now");
    checkpoint_->add_option("ADDR", path_, "Where it listens")->required();
    AddTable(checkpoint_);
    security_.AddTo(checkpoint_);
    limiter_.AddTo(app);
    AddLoad(app);
  }
  // nullopt: none was asked for.
  std::optional<absl::Status> Run() const {
    if (dump_->parsed()) return DumpTable(path_, stdout);
    if (verify_->parsed()) return VerifyReplay(path_, stdout);
    if (checkpoint_->parsed()) return Checkpoint(path_, table_, security_);
    if (limiter_.parsed()) return limiter_.Run(stdout);
    if (load_->parsed()) return Load(path_, actions_, address_, table_, security_);
    return std::nullopt;
  }

 private:
  void AddTable(CLI::App* command) {
    command->add_option("--table", table_, "A table of the shard; without it, the run's own")
        ->type_name("NAME");
  }
  void AddLoad(CLI::App* app) {
    load_ = app->add_subcommand("load", "Gives the rows of a file to a running shard");
    load_->add_option("FILE", path_, "A saved table, <name>.table, or a NumPy archive, .npz")
        ->required();
    load_->add_option("ADDR", address_, "Where the shard listens")->required();
    load_->add_option("--actions", actions_, "Between what an archive's actions are")
        ->type_name("LOW,HIGH");
    AddTable(load_);
    security_.AddTo(load_);
    load_->footer(
        "An archive has the arrays observations, actions, rewards, terminals (or terminated) and, "
        "if it can,\ntimeouts (or truncated) and next_observations. The table must be of an async "
        "run that samples.\n"
        "Example:\n"
        "  pmoe-replay load halfcheetah.npz unix:/tmp/replay.sock");
  }

  CLI::App* dump_ = nullptr;
  CLI::App* verify_ = nullptr;
  CLI::App* checkpoint_ = nullptr;
  CLI::App* load_ = nullptr;
  std::string path_;
  std::string address_;
  std::string actions_ = "-1,1";
  std::string table_;
  SecurityFlags security_;
  LimiterCommand limiter_;
};

}  // namespace
}  // namespace pmoe

int main(int argc, char** argv) {
  CLI::App app("One shard of replay: takes rows from actors, gives minibatches to the learner.",
               "pmoe-replay");
  pmoe::Flags flags;
  pmoe::AddFlags(&app, &flags);
  pmoe::Tools tools;
  tools.AddTo(&app);
  if (const std::optional<int> code = pmoe::ParseCommandLine(&app, argc, argv)) return *code;
  const std::optional<absl::Status> done = tools.Run();
  return pmoe::ReportError(done.has_value() ? *done : pmoe::Serve(flags));
}
