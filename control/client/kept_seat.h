// A member's seat in a file beside what belongs to it, so that whoever is started there again,
// after whatever end, asks for the same index: a shard, whose rows are of the actors of its index.
// The signature in it is as good as the seat, so only its owner can read it. Free functions.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "proto/run.pb.h"

namespace pmoe {

// nullopt: there is none, or one that cannot be used, which the log says.
std::optional<Seat> ReadKeptSeat(const std::string& path);
absl::Status KeepSeat(const std::string& path, const Seat& seat);

}  // namespace pmoe
