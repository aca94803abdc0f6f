#include "control/wire/env_identity.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/printable_text.h"
#include "common/base/status_macros.h"
#include "openssl/sha.h"

namespace pmoe {
namespace {

constexpr size_t kDifferencesShown = 6;
constexpr int kDimensionMax = 1 << 20;
constexpr size_t kTextBytesMax = 64 << 10;  // of a name or a value
constexpr size_t kTextShown = 100;
constexpr uint64_t kFileBytesMax = uint64_t{1} << 40;
constexpr size_t kDigestChars = 64;
constexpr int kArgsMax = 1000;
constexpr int kFactsMax = 100'000;
constexpr int kFilesMax = 10'000;
constexpr size_t kFileNameMax = 1024;
constexpr size_t kSpecBytesMax = 16 << 20;
constexpr char kModelFact[] = "model.";
constexpr char kModelRole[] = "model";

using Values = std::map<std::string, std::string>;
using Same = bool (*)(const std::string&, const std::string&);

// Facts are written by one program: names of joints may differ in one letter's case.
bool Equal(const std::string& a, const std::string& b) { return a == b; }

// Text that a user wrote: 0.50 is 0.5, True is true.
bool MeansTheSame(const std::string& a, const std::string& b) {
  double x = 0.0, y = 0.0;
  if (absl::SimpleAtod(a, &x) && absl::SimpleAtod(b, &y)) return x == y;
  return absl::AsciiStrToLower(a) == absl::AsciiStrToLower(b);
}

class Comparison {
 public:
  Comparison(const EnvSpecMessage& before, const EnvSpecMessage& after)
      : before_(before), after_(after) {}

  std::vector<std::string> Run() {
    Text("task", TaskName(before_.id()), TaskName(after_.id()));
    Text("simulator", before_.simulator(), after_.simulator());
    Number("observations", before_.obs_dim(), after_.obs_dim());
    Number("actions", before_.action_dim(), after_.action_dim());
    Number("max_episode_steps", before_.max_episode_steps(), after_.max_episode_steps());
    Bounds("action_low", before_.action_low(), after_.action_low());
    Bounds("action_high", before_.action_high(), after_.action_high());
    Maps("parameter ", Arguments(before_), Arguments(after_), MeansTheSame);
    // A run of an older pmoe has none: nothing is known.
    if (before_.facts_size() > 0 && after_.facts_size() > 0) Facts();
    return std::move(found_);
  }

 private:
  static std::string TaskName(const std::string& id) {
    const std::string kind = FileKind(id);
    // Where Python runs makes no difference.
    if (absl::StartsWith(id, "gym-process:"))
      return "gym:" + id.substr(std::strlen("gym-process:"));
    return kind.empty() ? id : absl::StrCat("a ", kind, " file");
  }
  // Another model is told by its numbers, wherever it lies.
  static Values Arguments(const EnvSpecMessage& env) {
    Values args(env.args().begin(), env.args().end());
    args.erase(kModelFileArg);
    return args;
  }
  // Digests by name.
  static Values ModelFiles(const EnvSpecMessage& env) {
    Values files;
    for (const EnvFileInfo& file : env.files()) {
      if (file.role() == kModelRole) files[file.name()] = file.sha256();
    }
    return files;
  }
  // Of the model, or of all else.
  static Values FactsOf(const EnvSpecMessage& env, bool model) {
    Values facts;
    for (const EnvFact& fact : env.facts()) {
      if (absl::StartsWith(fact.name(), kModelFact) == model) facts[fact.name()] = fact.value();
    }
    return facts;
  }

  void Facts() {
    Model();
    Maps("", FactsOf(before_, /*model=*/false), FactsOf(after_, /*model=*/false), Equal);
  }

  // The same files are the same model, whatever another machine's mathematics makes of their last
  // bits; and so are the same numbers from other files.
  void Model() {
    const Values files_before = ModelFiles(before_), files_after = ModelFiles(after_);
    // In the order of their names: these may begin otherwise, but files cannot change places.
    if (std::equal(files_before.begin(), files_before.end(), files_after.begin(), files_after.end(),
                   [](const auto& x, const auto& y) { return x.second == y.second; })) {
      return;
    }
    const Values before = FactsOf(before_, /*model=*/true), after = FactsOf(after_, /*model=*/true);
    if (before == after) return;
    Files(files_before, files_after);
    Maps("", before, after, Equal);
  }

  void Files(const Values& before, const Values& after) {
    for (const auto& [name, digest] : after) {
      const auto old = before.find(name);
      if (old == before.end()) {
        found_.push_back(absl::StrCat("file ", PrintableText(name, kTextShown), ": new"));
      } else if (old->second != digest) {
        found_.push_back(absl::StrCat("file ", PrintableText(name, kTextShown), ": changed"));
      }
    }
    for (const auto& [name, digest] : before) {
      if (after.count(name) == 0)
        found_.push_back(absl::StrCat("file ", PrintableText(name, kTextShown), ": not read now"));
    }
  }

  void Text(absl::string_view name, const std::string& before, const std::string& after) {
    if (before != after) Add(name, before, after);
  }
  void Number(absl::string_view name, int before, int after) {
    if (before != after) Add(name, absl::StrCat(before), absl::StrCat(after));
  }
  template <typename Repeated>
  void Bounds(absl::string_view name, const Repeated& before, const Repeated& after) {
    if (before.size() != after.size()) return;  // said by the number of actions
    for (int i = 0; i < before.size(); ++i) {
      if (before[i] == after[i]) continue;
      Add(absl::StrCat(name, "[", i, "]"), absl::StrCat(before[i]), absl::StrCat(after[i]));
    }
  }
  void Maps(absl::string_view kind, const Values& before, const Values& after, Same same) {
    for (const auto& [name, value] : before) {
      const auto now = after.find(name);
      if (now == after.end()) {
        Add(absl::StrCat(kind, name), value, "unset");
      } else if (!same(value, now->second)) {
        Add(absl::StrCat(kind, name), value, now->second);
      }
    }
    for (const auto& [name, value] : after) {
      if (before.count(name) == 0) Add(absl::StrCat(kind, name), "unset", value);
    }
  }
  void Add(absl::string_view name, absl::string_view before, absl::string_view after) {
    found_.push_back(absl::StrCat(PrintableText(name, kTextShown), ": ",
                                  PrintableText(before, kTextShown), " -> ",
                                  PrintableText(after, kTextShown)));
  }

  const EnvSpecMessage& before_;
  const EnvSpecMessage& after_;
  std::vector<std::string> found_;
};

absl::Status CheckFileName(const std::string& name) {
  const std::filesystem::path path(name);
  const bool escapes = std::any_of(path.begin(), path.end(),
                                   [](const auto& part) { return part == ".." || part == "."; });
  if (!name.empty() && name.size() <= kFileNameMax && path.is_relative() && !escapes &&
      path.has_filename() && name.find('\0') == std::string::npos) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the env spec names a file \"", PrintableText(name, kTextShown),
                   "\": names must be relative and stay in their folder"));
}

absl::Status CheckText(absl::string_view what, absl::string_view text) {
  if (text.size() <= kTextBytesMax && FindControlCharacter(text) == absl::string_view::npos) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("the env spec's ", what,
                                                 " is too long or has control characters: \"",
                                                 PrintableText(text, kTextShown), "\""));
}

absl::Status CheckFile(const EnvFileInfo& file) {
  PMOE_RETURN_IF_ERROR(CheckFileName(file.name()));
  PMOE_RETURN_IF_ERROR(CheckText("file's role", file.role()));
  if (file.bytes() <= kFileBytesMax && file.sha256().size() == kDigestChars) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the env spec's file ", PrintableText(file.name(), kTextShown), " has ",
                   file.bytes(), " bytes and a digest of ", file.sha256().size(), " characters"));
}

// What would go into messages, logs and the policy's own sizes.
absl::Status CheckContents(const EnvSpecMessage& env) {
  PMOE_RETURN_IF_ERROR(CheckText("id", env.id()));
  PMOE_RETURN_IF_ERROR(CheckText("simulator", env.simulator()));
  for (const auto& [name, value] : env.args()) {
    PMOE_RETURN_IF_ERROR(CheckText("parameter", name));
    PMOE_RETURN_IF_ERROR(CheckText("parameter", value));
  }
  for (const EnvFact& fact : env.facts()) {
    PMOE_RETURN_IF_ERROR(CheckText("fact", fact.name()));
    PMOE_RETURN_IF_ERROR(CheckText("fact", fact.value()));
  }
  for (const EnvFileInfo& file : env.files()) PMOE_RETURN_IF_ERROR(CheckFile(file));
  for (int i = 0; i < env.action_dim(); ++i) {
    const double low = env.action_low(i), high = env.action_high(i);
    if (std::isfinite(low) && std::isfinite(high) && low < high) continue;
    return absl::InvalidArgumentError(absl::StrCat("the env spec's action ", i, " goes from ", low,
                                                   " to ", high, ": bounds must be finite"));
  }
  if (env.max_episode_steps() >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the env spec's max_episode_steps is ", env.max_episode_steps()));
}

}  // namespace

std::vector<std::string> EnvDifferences(const EnvSpecMessage& before, const EnvSpecMessage& after) {
  return Comparison(before, after).Run();
}

bool HaveSameSizes(const EnvSpecMessage& a, const EnvSpecMessage& b) {
  return a.obs_dim() == b.obs_dim() && a.action_dim() == b.action_dim();
}

std::string ListDifferences(const std::vector<std::string>& differences) {
  const size_t shown = std::min(differences.size(), kDifferencesShown);
  const std::string text =
      absl::StrJoin(differences.begin(), differences.begin() + static_cast<long>(shown), "; ");
  if (shown == differences.size()) return text;
  return absl::StrCat(text, "; and ", differences.size() - shown, " more");
}

absl::Status CheckSameEnv(absl::string_view run, const EnvSpecMessage& kept,
                          const EnvSpecMessage& now, bool allowed) {
  const std::vector<std::string> differences = EnvDifferences(kept, now);
  if (differences.empty()) return absl::OkStatus();
  const std::string what = absl::StrCat("the task is not the one that ", run,
                                        " was made with: ", ListDifferences(differences));
  if (!HaveSameSizes(kept, now)) {
    return absl::FailedPreconditionError(
        absl::StrCat(what,
                     ". Its policy cannot act there: put the task back, name the right one by "
                     "--env, or start a new run"));
  }
  if (allowed) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(what, ". Put the task back (", run,
                   "/env keeps its files), name the right one by --env, or "
                   "take the other one by --allow-other-env"));
}

std::string FileKind(absl::string_view id) {
  for (const char* kind : {"mjcf", "plugin"}) {
    if (absl::StartsWith(id, absl::StrCat(kind, ":"))) return kind;
  }
  return "";
}

absl::Status CheckEnvSpec(const EnvSpecMessage& env) {
  const bool sizes_fit = env.obs_dim() >= 1 && env.obs_dim() <= kDimensionMax &&
                         env.action_dim() >= 1 && env.action_dim() <= kDimensionMax &&
                         env.action_low_size() == env.action_dim() &&
                         env.action_high_size() == env.action_dim();
  if (!sizes_fit) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the env spec is incomplete: ", env.obs_dim(), " observations, ", env.action_dim(),
        " actions with ", env.action_low_size(), " and ", env.action_high_size(), " bounds"));
  }
  if (env.ByteSizeLong() > kSpecBytesMax || env.args_size() > kArgsMax ||
      env.facts_size() > kFactsMax || env.files_size() > kFilesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("the env spec is too large: ", env.ByteSizeLong(), " bytes, ", env.args_size(),
                     " parameters, ", env.facts_size(), " facts, ", env.files_size(), " files"));
  }
  return CheckContents(env);
}

std::string Sha256(absl::string_view bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  ::SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

}  // namespace pmoe
