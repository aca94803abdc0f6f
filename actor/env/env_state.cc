#include "actor/env/env_state.h"

#include <cctype>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "actor/env/env_list.h"
#include "common/base/crc32c.h"

namespace pmoe {
namespace {

constexpr uint32_t kStateMagic = 0x32534550;  // "PES2", the digit is the layout's version
constexpr char kModelFile[] = " xml_file=";
constexpr char kEngine[] = "with MuJoCo ";

bool StartsParameter(absl::string_view text) {
  size_t name = 0;
  while (name < text.size() &&
         (std::isalnum(static_cast<unsigned char>(text[name])) != 0 || text[name] == '_')) {
    ++name;
  }
  return name > 0 && name < text.size() && text[name] == '=';
}

// Where a path ends that begins at `at`: before the next parameter or the engine. A path that looks
// like one is compared in part; so long as it stays the same, that is no loss.
size_t PathEnd(absl::string_view identity, size_t at) {
  for (size_t space = identity.find(' ', at); space != absl::string_view::npos;
       space = identity.find(' ', space + 1)) {
    const absl::string_view rest = identity.substr(space + 1);
    if (StartsParameter(rest) || absl::StartsWith(rest, kEngine)) return space;
  }
  return identity.size();
}

// Files may move; what they hold is compared elsewhere (control/wire/env_identity.h).
std::string WithoutPaths(std::string identity) {
  // Where Python runs makes no difference.
  if (absl::StartsWith(identity, kGymProcessPrefix)) {
    identity = absl::StrCat(kGymPrefix, identity.substr(kGymProcessPrefix.size()));
  }
  for (const absl::string_view kind : {"mjcf:", "plugin:"}) {
    if (!absl::StartsWith(identity, kind)) continue;
    identity.erase(kind.size(), PathEnd(identity, kind.size()) - kind.size());
  }
  const size_t model = identity.find(kModelFile);
  if (model == std::string::npos) return identity;
  return identity.erase(model, PathEnd(identity, model + 1) - model);
}

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
  if (body.ok() && WithoutPaths(saved_by) != WithoutPaths(identity)) {
    return absl::FailedPreconditionError(
        absl::StrCat("environment state was saved by ", saved_by, ", this is ", identity));
  }
  body.String(&state);
  const absl::Status whole = body.Finish("environment state");
  if (!whole.ok()) return whole;
  return state;
}

}  // namespace pmoe
