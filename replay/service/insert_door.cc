#include "replay/service/insert_door.h"

#include "absl/strings/str_cat.h"
#include "common/base/printable_text.h"
#include "common/metrics/rejections.h"
#include "control/wire/seat_signature.h"
#include "replay/core/nonsense.h"

namespace pmoe {
namespace {

constexpr size_t kRunIdBytesMax = 255;

std::string ActorName(uint32_t actor) { return absl::StrCat("actor ", actor); }

}  // namespace

void InsertDoor::SetKey(const std::string& key) {
  MutexLock lock(&mu_);
  key_ = SeatKey(key);
}

bool InsertDoor::IsSigned(const InsertHello& hello) const {
  Seat seat;
  seat.set_run_id(hello.run_id());
  seat.set_index(hello.actor());
  seat.set_epoch(hello.epoch());
  seat.set_signature(hello.seat_signature());
  MutexLock lock(&mu_);
  return pmoe::IsSigned(key_, RUN_ROLE_ACTOR, seat);
}

absl::Status InsertDoor::CheckConduct(uint32_t actor) const {
  const std::string who = ActorName(actor);
  MutexLock lock(&mu_);
  const auto why = conduct_.WhyOut(who, clock_.Elapsed());
  return why.has_value() ? absl::UnavailableError(absl::StrCat(who, " is ", *why))
                         : absl::OkStatus();
}

absl::Status InsertDoor::OnNonsense(uint32_t actor, const absl::Status& why) {
  const std::string who = ActorName(actor);
  Rejections::OfProcess().Add("insert", NonsenseReason(why), who, why.message());
  {
    MutexLock lock(&mu_);
    conduct_.OnNonsense(who, why.message(), clock_.Elapsed());
  }
  return CheckConduct(actor);
}

absl::Status InsertDoor::Check(const InsertHello& hello, const std::string& peer) const {
  const auto refuse = [&](absl::string_view reason, const absl::Status& status) {
    const std::string who =
        absl::StrCat(ActorName(hello.actor()), " of epoch ", hello.epoch(), " from ", peer);
    Rejections::OfProcess().Add("insert", reason, who, status.message());
    return status;
  };
  if (hello.run_id().size() > kRunIdBytesMax) {
    return refuse("too_long", absl::InvalidArgumentError(absl::StrCat(
                                  "hello.run_id has ", hello.run_id().size(), " bytes")));
  }
  if (hello.member() != 0) {
    return refuse("number", absl::InvalidArgumentError(
                                absl::StrCat("hello.member must be 0, got ", hello.member())));
  }
  // Transient: who was given a seat by a learner whose key is lost is given another.
  if (!IsSigned(hello)) {
    return refuse("seat", absl::AbortedError(
                              absl::StrCat("the learner of run ", PrintableText(hello.run_id()),
                                           " never gave out the seat ", hello.actor(), " of epoch ",
                                           hello.epoch(), "; join again")));
  }
  return CheckConduct(hello.actor());
}

}  // namespace pmoe
