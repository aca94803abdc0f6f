// The learner's /sd: whom Prometheus shall scrape, for its http_sd. Thread-safe.
#pragma once

#include "common/http/http_message.h"
#include "common/rpc/security.h"
#include "control/service/run_hub.h"

namespace pmoe {

// As ScrapeTargetsJson. The cluster is called as its certificates do, without TLS as the learner's
// host.
HttpAnswer TargetsPage(const RunHub& hub, const RpcSecurity& security, const HttpRequest& request);

}  // namespace pmoe
