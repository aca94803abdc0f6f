#include "learner/targets_page.h"

#include <optional>
#include <string>

#include "control/wire/scrape_targets.h"

namespace pmoe {

HttpAnswer TargetsPage(const RunHub& hub, const RpcSecurity& security, const HttpRequest& request) {
  const RunStatus status = hub.Status();
  const std::optional<Identity>& identity = security.identity();
  const auto machine_of = [&hub](const MemberStatus& member) {
    return hub.MachineOf(member.role(), member.index());
  };
  HttpAnswer answer;
  answer.type = "application/json";
  answer.body = ScrapeTargetsJson(
      status, machine_of, identity.has_value() ? identity->name.cluster : status.process().host(),
      request.host);
  return answer;
}

}  // namespace pmoe
