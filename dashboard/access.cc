#include "dashboard/access.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr absl::string_view kCookie = "pmoe_token";
constexpr size_t kTokenMin = 16;
constexpr size_t kTokenMax = 256;

bool IsTokenChar(char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_'; }

}  // namespace

bool EqualInConstantTime(absl::string_view a, absl::string_view b) {
  if (a.size() != b.size()) return false;
  volatile unsigned char different = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    different = static_cast<unsigned char>(different | (a[i] ^ b[i]));
  }
  return different == 0;
}

absl::StatusOr<std::string> ReadTokenFile(const std::string& path) {
  PMOE_ASSIGN_OR_RETURN(const std::string text, ReadText(path));
  const std::string token(
      absl::StripAsciiWhitespace(absl::string_view(text).substr(0, text.find('\n'))));
  if (token.size() >= kTokenMin && token.size() <= kTokenMax &&
      std::all_of(token.begin(), token.end(), IsTokenChar)) {
    return token;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--dashboard-token ", path, " must hold a token of ", kTokenMin, " to ",
                   kTokenMax, " letters, digits, - or _ in its first line, got ", token.size(),
                   " characters; make one with: openssl rand -hex 16 > ", path));
}

bool Access::HostAllowed(absl::string_view host) const {
  if (!loopback_) return true;
  // "127.0.0.1:6006" or "[::1]:6006"
  const size_t colon = host.rfind(':');
  if (colon != absl::string_view::npos && host.find(']', colon) == absl::string_view::npos) {
    host = host.substr(0, colon);
  }
  return host == "localhost" || host == "[::1]" ||
         (absl::StartsWith(host, "127.") &&
          host.find_first_not_of("0123456789.") == absl::string_view::npos);
}

bool Access::Allowed(const Credentials& credentials) const {
  if (token_.empty()) return true;
  absl::string_view bearer = credentials.authorization;
  if (absl::ConsumePrefix(&bearer, "Bearer ") && IsToken(bearer)) return true;
  if (IsToken(credentials.query_token)) return true;
  for (absl::string_view pair : absl::StrSplit(credentials.cookie, ';')) {
    pair = absl::StripAsciiWhitespace(pair);
    if (absl::ConsumePrefix(&pair, kCookie) && absl::ConsumePrefix(&pair, "=") && IsToken(pair)) {
      return true;
    }
  }
  return false;
}

std::string Access::Cookie() const {
  return absl::StrCat(kCookie, "=", token_, "; HttpOnly; SameSite=Strict; Path=/");
}

}  // namespace pmoe
