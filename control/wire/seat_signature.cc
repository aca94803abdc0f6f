#include "control/wire/seat_signature.h"

namespace pmoe {
namespace {

SeatClaim ClaimOf(RunRole role, const Seat& seat) {
  return {seat.run_id(), role, seat.index(), seat.epoch()};
}

}  // namespace

void SignSeat(const SeatKey& key, RunRole role, Seat* seat) {
  seat->set_signature(key.Sign(ClaimOf(role, *seat)));
}

bool IsSigned(const SeatKey& key, RunRole role, const Seat& seat) {
  return key.Verify(ClaimOf(role, seat), seat.signature());
}

}  // namespace pmoe
