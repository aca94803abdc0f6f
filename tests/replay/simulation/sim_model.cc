#include "tests/replay/simulation/sim_model.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "replay/core/row_crc.h"

namespace pmoe {
namespace {

// 20 bits that look like any others.
float Noise(const RowName& name, uint32_t salt) {
  uint64_t bits = name.step * 0x9E3779B97F4A7C15u + name.actor * 0xC2B2AE3D27D4EB4Fu +
                  name.epoch * 0x165667B19E3779F9u + name.env * 0x27D4EB2F165667C5u + salt;
  bits ^= bits >> 31;
  bits *= 0xBF58476D1CE4E5B9u;
  return static_cast<float>(bits >> 44);
}

}  // namespace

std::string RowName::Text() const { return absl::StrCat(actor, "/", epoch, "/", env, "/", step); }

std::vector<float> ObsOf(const RowName& name) {
  return {static_cast<float>(64 * name.actor + name.env), static_cast<float>(name.epoch),
          static_cast<float>(name.step), Noise(name, 1)};
}

std::optional<RowName> NameOfObs(const float* obs) {
  for (int i = 0; i < 3; ++i) {
    if (!(obs[i] >= 0.0f && obs[i] < 16e6f && std::floor(obs[i]) == obs[i])) return std::nullopt;
  }
  const uint32_t who = static_cast<uint32_t>(obs[0]);
  const RowName name{who / 64, static_cast<uint32_t>(obs[1]), who % 64,
                     static_cast<uint64_t>(obs[2])};
  return ObsOf(name)[3] == obs[3] ? std::optional(name) : std::nullopt;
}

std::vector<float> ActionOf(const SimRow& row) {
  return {Noise(row.name, 2), Noise(row.name, 3 + row.version)};
}
float RewardOf(const SimRow& row) { return Noise(row.name, 4 + row.terminated); }
float ExtraOf(const SimRow& row) { return Noise(row.name, 6 + row.version); }

uint32_t CrcOf(const SimRow& row) {
  const std::vector<float> obs = ObsOf(row.name), action = ActionOf(row);
  RowName next = row.name;
  ++next.step;
  const std::vector<float> next_obs = ObsOf(next);
  return RowCrc({.obs = obs,
                 .action = action,
                 .reward = RewardOf(row),
                 .terminated = row.terminated,
                 .truncated = row.truncated,
                 .next_obs = next_obs,
                 .policy_version = row.version});
}

Chunk ChunkOf(uint64_t seq, const std::vector<SimRow>& rows) {
  const auto add = [](const std::vector<float>& values, std::vector<float>* column) {
    column->insert(column->end(), values.begin(), values.end());
  };
  const RowName& first = rows.front().name;
  Chunk chunk;
  chunk.actor = first.actor;
  chunk.epoch = first.epoch;
  chunk.seq = seq;
  chunk.env = first.env;
  chunk.first_step = first.step;
  chunk.rows = static_cast<uint32_t>(rows.size());
  for (const SimRow& row : rows) {
    add(ObsOf(row.name), &chunk.observations);
    add(ActionOf(row), &chunk.actions);
    chunk.rewards.push_back(RewardOf(row));
    chunk.terminated.push_back(row.terminated);
    chunk.truncated.push_back(row.truncated);
    chunk.policy_version.push_back(row.version);
    chunk.extra.push_back(ExtraOf(row));
  }
  RowName last = rows.back().name;
  ++last.step;
  add(ObsOf(last), &chunk.observations);
  return chunk;
}

std::string SimOp::Text() const {
  const std::string who = absl::StrCat(life.first, "/", life.second);
  const std::string where = absl::StrCat(" [", end, acked.has_value() ? ", acked]" : "]");
  switch (kind) {
    case kHello:
      return absl::StrCat("hello of ", who, " from seq ", seq, where);
    case kChunk:
      return absl::StrCat("chunk ", seq, " of ", who, where);
    case kRefused:
      return absl::StrCat("chunk ", seq, " of ", who, " refused", where);
    case kCut:
      return absl::StrCat("actor ", life.first, " cut", where);
    case kAged:
      return absl::StrCat("rows before version ", version_min, " given up", where);
    case kTaken:
      return absl::StrCat("rollout ", ticket.learner_epoch, "/", ticket.id, " of ", taken.size(),
                          " rows", where);
  }
  return "?";
}

std::string SimState::Apply(const Sent& sent, const SimOp& op) {
  switch (op.kind) {
    case SimOp::kHello: {
      uint32_t& epoch = epochs.try_emplace(op.life.first, op.life.second).first->second;
      epoch = std::max(epoch, op.life.second);
      Life& life = lives[op.life];
      if (op.seq > life.next_seq) {
        life.lost = 0;
        const auto& chunks = sent.at(op.life).chunks;
        for (uint64_t seq = 0; seq < op.seq; ++seq) {
          const bool counts = !life.entered.contains(seq) && !chunks[seq].spoilt;
          life.lost += counts ? chunks[seq].rows.size() : 0;
        }
      }
      life.next_seq = std::max(life.next_seq, op.seq);
      return "";
    }
    case SimOp::kChunk: {
      Life& life = lives[op.life];
      if (op.seq != life.next_seq) {
        return absl::StrCat("chunk ", op.seq, " entered where ", life.next_seq, " is the next");
      }
      life.next_seq = op.seq + 1;
      life.entered.insert(op.seq);
      for (const SimRow& row : sent.at(op.life).chunks[op.seq].rows) {
        if (!held.emplace(row.name, row.version).second) {
          return absl::StrCat("row ", row.name.Text(), " entered twice");
        }
        ++inserted;
      }
      return "";
    }
    case SimOp::kRefused: {
      Life& life = lives[op.life];
      life.next_seq = std::max(life.next_seq, op.seq + 1);
      return "";
    }
    case SimOp::kCut:
      return "";
    case SimOp::kAged:
      version_min = op.version_min;
      std::erase_if(held, [&](const auto& row) { return row.second < version_min; });
      return "";
    case SimOp::kTaken:
      for (const RowName& name : op.taken) {
        if (held.erase(name) == 0) {
          return absl::StrCat("row ", name.Text(), " was given, which is not held");
        }
      }
      ticket = op.ticket;
      taken = op.taken;
      return "";
  }
  return "?";
}

uint64_t SimState::rows_lost() const {
  uint64_t rows = 0;
  for (const auto& [name, life] : lives) rows += life.lost;
  return rows;
}

}  // namespace pmoe
