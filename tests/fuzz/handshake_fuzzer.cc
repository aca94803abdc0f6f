// What followers send, in any order, to a hub: the first byte of each message says whether it is a
// JoinRequest, a stream's first message, a report, or the end of a stream; two bytes of length
// follow. The hub must stay consistent: as many members connected as streams that it let in, and
// every member listed once.
#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>

#include "control/service/run_hub.h"

namespace pmoe {
namespace {

RunHubOptions Options(bool lockstep) {
  RunHubOptions options;
  options.roster.run_id = "r";
  options.roster.build_id = "b";
  options.roster.lockstep = lockstep;
  options.roster.actors = 2;
  options.roster.shards = 2;
  return options;
}

class Session {
 public:
  explicit Session(bool lockstep) : hub_(Options(lockstep)) {
    Directive directive;
    directive.round = 1;
    hub_.Publish(directive);
  }

  void Act(int kind, const uint8_t* data, int size) {
    if (kind == 0) {
      JoinRequest request;
      if (!request.ParseFromArray(data, size)) return;
      // Most of what a fuzzer makes would be of another build.
      request.mutable_process()->set_build_id("b");
      const auto joined = hub_.Join(request);
      if (joined.ok()) seats_.push_back({request.role(), joined->seat()});
      return;
    }
    FollowerMessage message;
    if (!message.ParseFromArray(data, size)) return;
    if (kind == 1) {
      if (!message.has_seat() && !seats_.empty()) {
        message.set_role(seats_.back().first);
        *message.mutable_seat() = seats_.back().second;
      }
      // Nor would its task be the run's.
      if (message.has_env()) message.mutable_env()->set_id(EnvConfig().id());
      if (auto cursor = hub_.Open(message); cursor.ok()) open_.push_back(*std::move(cursor));
    } else if (!open_.empty() && kind == 2) {
      hub_.OnReport(open_.back(), message).status().IgnoreError();
      hub_.WaitNews(&open_.back(), std::chrono::milliseconds(0)).status().IgnoreError();
      hub_.TakeReports();
    } else if (!open_.empty()) {
      hub_.Close(open_.back(), message.leaving());
      open_.pop_back();
    }
  }

  void CheckConsistent() {
    std::set<std::pair<int, uint32_t>> seen;
    const RunStatus status = hub_.Status();
    for (const MemberStatus& member : status.members()) {
      if (!seen.insert({member.role(), member.index()}).second) __builtin_trap();
      if (member.connected() && open_.empty()) __builtin_trap();
    }
    if (hub_.shards().size() != 2) __builtin_trap();
  }

 private:
  RunHub hub_;
  std::vector<std::pair<RunRole, Seat>> seats_;
  std::vector<FollowerCursor> open_;
};

}  // namespace
}  // namespace pmoe

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  google::protobuf::SetLogHandler(nullptr);  // every string that is not UTF-8
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  pmoe::Session session(data[0] % 2 == 1);
  ++data, --size;
  while (size >= 3) {
    const size_t length = std::min<size_t>(data[1] + 256u * data[2], size - 3);
    session.Act(data[0] % 4, data + 3, static_cast<int>(length));
    session.CheckConsistent();
    data += 3 + length;
    size -= 3 + length;
  }
  return 0;
}
