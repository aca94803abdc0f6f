#include "replay/service/limiter_command.h"

#include <chrono>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/printable_text.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/rpc_status.h"
#include "proto/replay.grpc.pb.h"
#include "replay/wire/table_name.h"

namespace pmoe {
namespace {

constexpr std::chrono::seconds kCall{10};
constexpr size_t kTextMax = 4096;

// A shard names its settings; here they are flags.
std::string WithFlags(absl::string_view message) {
  return absl::StrReplaceAll(message, {{"limiter.samples_per_insert", "--samples-per-insert"},
                                       {"limiter.min_size", "--min-size"},
                                       {"limiter.error_window", "--error-window"}});
}

}  // namespace

void LimiterCommand::AddTo(CLI::App* app) {
  command_ = app->add_subcommand(
      "limiter", "Changes, pauses or shows the limiter of a running shard of an async run");
  command_->add_option("ADDR", at_, "Where the shard listens")->required();
  command_
      ->add_option("--samples-per-insert", samples_per_insert_,
                   "Rows that the learner gets for each row that comes")
      ->type_name("X");
  command_->add_option("--min-size", min_size_, "Rows ever inserted before the first sample")
      ->type_name("N");
  command_
      ->add_option("--error-window", error_window_,
                   "Rows sampled by which either side may run ahead; 0: the shard picks one")
      ->type_name("X");
  CLI::Option* const pause = command_->add_flag(
      "--pause", pause_,
      "Samples wait, inserts are neither held back nor counted, as for rows from elsewhere");
  command_
      ->add_flag("--resume", resume_, "Goes on as if the rows of the pause had been there before")
      ->excludes(pause);
  command_->add_option("--table", table_, "A table of the shard; without it, the run's own")
      ->type_name("NAME");
  security_.AddTo(command_);
  command_->footer(
      "Without a setting it shows what holds. After a change the rows are counted anew, so that\n"
      "neither side owes the other anything. A change lasts until the run's learner or this shard\n"
      "is started again: then the run's configuration holds. With replay.shards above 1, in\n"
      "lockstep and for PPO's family there is no limiter to change.\n"
      "Examples:\n"
      "  pmoe-replay limiter unix:/tmp/replay.sock --samples-per-insert 128\n"
      "  pmoe-replay limiter replay.example.org:7000 --tls certs/admin --pause");
}

bool LimiterCommand::parsed() const { return command_->parsed(); }

absl::Status LimiterCommand::Run(std::FILE* out) const {
  PrepareGrpc();
  PMOE_ASSIGN_OR_RETURN(const RpcSecurity security, security_.Load(PeerRole::kAdmin));
  PMOE_ASSIGN_OR_RETURN(const RpcAddress address, security.ParseAddress(at_, "ADDR"));
  PMOE_RETURN_IF_ERROR(CheckTableName("--table", table_));
  SetLimiterRequest request;
  request.set_table(table_);
  if (samples_per_insert_.has_value()) request.set_samples_per_insert(*samples_per_insert_);
  if (min_size_.has_value()) request.set_min_size(*min_size_);
  if (error_window_.has_value()) request.set_error_window(*error_window_);
  if (pause_ || resume_) request.set_paused(pause_);
  const auto stub = ReplayService::NewStub(MakeChannel(address, PeerRole::kReplay, security));
  grpc::ClientContext context;
  SetDeadline(&context, kCall);
  SetLimiterReply reply;
  const absl::Status status = FromGrpc(stub->SetLimiter(&context, request, &reply));
  if (!status.ok()) {
    return absl::Status(status.code(), absl::StrCat(at_, ": ", WithFlags(status.message())));
  }
  const std::string text = absl::StrCat("samples per insert ", reply.samples_per_insert(),
                                        ", min size ", reply.min_size(), ", error window ",
                                        reply.error_window(), reply.paused() ? ", paused" : "",
                                        "\n", PrintableText(reply.limiter(), kTextMax), "\n");
  std::fputs(text.c_str(), out);
  return absl::OkStatus();
}

}  // namespace pmoe
