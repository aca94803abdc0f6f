#include "learner/demo_tables.h"

#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "replay/load/demos.h"
#include "replay/wire/table_request.h"

namespace pmoe {
namespace {

RpcReplayOptions DemoOptions(RpcReplayOptions options) {
  options.paced = options.table.lockstep();
  options.table = DemoTableFrom(options.table);
  return options;
}

}  // namespace

DemoTables::DemoTables(const RunConfig& config, const RpcReplayOptions& own, ReplayClient* client)
    : config_(config),
      options_(DemoOptions(own)),
      demos_(options_, DemoRows(config)),
      mixed_(client, OwnRows(config), &demos_) {}

absl::Status DemoTables::OpenShard(int shard, const RpcAddress& address, absl::string_view restore,
                                   bool load) {
  PMOE_RETURN_IF_ERROR(demos_.MakeTable(shard, address, restore));
  if (load) PMOE_RETURN_IF_ERROR(LoadMissing(shard, address));
  demos_.Connect(shard, address);
  return absl::OkStatus();
}

absl::Status DemoTables::LoadMissing(int shard, const RpcAddress& address) {
  LoadHello hello;
  *hello.mutable_learner() = options_.learner;
  hello.set_table(kDemoTable);
  const DemoPart part = {shard, options_.shards, demos_.loaded(shard)};
  return SendDemos(config_, part, hello, address, options_.security);
}

}  // namespace pmoe
