#include "actor/env/env_state.h"

#include "absl/strings/str_cat.h"
#include "common/base/crc32c.h"

namespace pmoe {
namespace {

constexpr uint32_t kStateMagic = 0x32534550;  // "PES2", the digit is the layout's version

}  // namespace

std::string EnvIdentity(const EnvSpec& spec, const std::string& engine) {
  std::string identity = spec.id;
  for (const auto& [name, value] : spec.args) absl::StrAppend(&identity, " ", name, "=", value);
  return engine.empty() ? identity : absl::StrCat(identity, " with ", engine);
}

void WriteEnvState(const std::string& identity, const std::string& state, ByteWriter* out) {
  ByteWriter body;
  body.String(identity);
  body.String(state);
  out->Pod(kStateMagic);
  out->Pod(Crc32c(body.bytes()));
  out->String(body.bytes());
}

absl::StatusOr<std::string> ReadEnvState(const std::string& identity, ByteReader* in) {
  uint32_t magic = 0;
  uint32_t crc = 0;
  std::string bytes;
  in->Pod(&magic);
  in->Pod(&crc);
  in->String(&bytes);
  if (!in->ok()) return absl::DataLossError("environment state is truncated");
  if (magic != kStateMagic) return absl::DataLossError("these bytes are no environment state");
  if (crc != Crc32c(bytes)) {
    return absl::DataLossError("environment state is damaged: its CRC32C differs");
  }
  ByteReader body(bytes);
  std::string saved_by;
  std::string state;
  body.String(&saved_by);
  if (body.ok() && saved_by != identity) {
    return absl::FailedPreconditionError(
        absl::StrCat("environment state was saved by ", saved_by, ", this is ", identity));
  }
  body.String(&state);
  const absl::Status whole = body.Finish("environment state");
  if (!whole.ok()) return whole;
  return state;
}

}  // namespace pmoe
