// A run's processes as Prometheus finds them over HTTP (http_sd): where each of them serves
// /metrics, and the labels that its series get. Pure function.
#pragma once

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "proto/run.pb.h"

namespace pmoe {

// JSON: a group of one target for the learner, each connected member and each replay shard, also
// one that is away, so that somebody hears of it. Labels: job ("pmoe-actor"), cluster, run, role,
// index.
//
// `machine_of`: where a member calls from, "10.0.0.7", "this machine", or empty.
//
// A process that listens on every address is where the learner sees it call from. The learner, and
// what runs beside it, are where the asker found the learner: `asked_at`, "learner:9100", which may
// be anything. A member elsewhere that listens on its own loopback address is left out, as is what
// is no address.
std::string ScrapeTargetsJson(const RunStatus& status,
                              absl::FunctionRef<std::string(const MemberStatus&)> machine_of,
                              absl::string_view cluster, absl::string_view asked_at);

}  // namespace pmoe
