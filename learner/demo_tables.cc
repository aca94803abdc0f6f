#include "learner/demo_tables.h"

#include "common/base/log.h"
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
  const DemoPart part = {shard, options_.shards, demos_.loaded(shard), file_rows_};
  const absl::StatusOr<uint64_t> rows = SendDemos(config_, part, hello, address, options_.security);
  if (rows.ok()) file_rows_ = *rows;
  // What the shard has is in its table: the file counts for what it lacks alone, and may be gone.
  if (!absl::IsInvalidArgument(rows.status()) || part.have == 0) return rows.status();
  Log(LogLevel::kWarning, "replay ", shard, " goes on with the ", part.have,
      " demonstrations that it has: ", rows.status().message());
  return absl::OkStatus();
}

}  // namespace pmoe
