// The fingerprint of one transition, by which a checker compares what a writer sent with what a
// table holds.
#pragma once

#include <cstdint>

#include "common/base/crc32c.h"
#include "replay/core/chunk.h"

namespace pmoe {

// CRC32C over, little endian: obs [O], action [A], reward, u32 version, u8 terminated, u8
// truncated, next_obs [O].
inline uint32_t RowCrc(const Transition& row) {
  const auto add = [](const auto* values, size_t n, uint32_t crc) {
    return Crc32c({reinterpret_cast<const char*>(values), n * sizeof(*values)}, crc);
  };
  const uint8_t flags[] = {static_cast<uint8_t>(row.terminated),
                           static_cast<uint8_t>(row.truncated)};
  uint32_t crc = add(row.obs.data(), row.obs.size(), 0);
  crc = add(row.action.data(), row.action.size(), crc);
  crc = add(&row.reward, 1, crc);
  crc = add(&row.policy_version, 1, crc);
  crc = add(flags, 2, crc);
  return add(row.next_obs.data(), row.next_obs.size(), crc);
}

}  // namespace pmoe
