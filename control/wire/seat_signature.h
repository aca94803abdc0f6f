// A seat and the signature of who gave it out. Free functions; thread-safe.
#pragma once

#include "common/tls/seat_key.h"
#include "proto/run.pb.h"

namespace pmoe {

// Fills in the signature of a seat of that role.
void SignSeat(const SeatKey& key, RunRole role, Seat* seat);

// Whether the owner of `key` gave out this very seat to that role.
bool IsSigned(const SeatKey& key, RunRole role, const Seat& seat);

}  // namespace pmoe
