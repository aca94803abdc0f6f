#include "replay/service/limiter_call.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/printable_text.h"
#include "common/base/status_macros.h"
#include "common/rpc/callers.h"
#include "common/rpc/peer_host.h"

namespace pmoe {
namespace {

LimiterChange ChangeOf(const SetLimiterRequest& request) {
  LimiterChange change;
  if (request.has_min_size()) change.min_size = request.min_size();
  if (request.has_samples_per_insert()) change.samples_per_insert = request.samples_per_insert();
  if (request.has_error_window()) change.error_window = request.error_window();
  if (request.has_paused()) change.paused = request.paused();
  return change;
}

}  // namespace

std::string CallerText(const grpc::ServerContext& context) {
  const std::string at = PrintableText(PeerHost(context.peer()));
  const std::optional<PeerName> peer = PeerOf(*context.auth_context());
  if (!peer.has_value()) return absl::StrCat("somebody at ", at);
  return absl::StrCat(PeerRoleName(peer->role), " ", PrintableText(peer->name), " at ", at);
}

absl::Status ServeSetLimiter(ReplayShard* shard, const SetLimiterRequest& request,
                             absl::string_view who, SetLimiterReply* reply) {
  const LimiterChange change = ChangeOf(request);
  PMOE_ASSIGN_OR_RETURN(const LimiterState state, shard->SetLimiter(change, who));
  reply->set_min_size(state.options.min_size);
  reply->set_samples_per_insert(state.options.samples_per_insert);
  reply->set_error_window(state.options.Window());
  reply->set_paused(state.paused);
  reply->set_limiter(state.text);
  if (change.changes_settings() || change.paused.has_value()) {
    Log(LogLevel::kInfo, who, " has changed the limiter: samples per insert ",
        reply->samples_per_insert(), ", min size ", reply->min_size(), ", error window ",
        reply->error_window(), state.paused ? ", paused" : "");
  }
  return absl::OkStatus();
}

}  // namespace pmoe
