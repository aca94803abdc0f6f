#include "control/wire/clock_skew.h"

#include <chrono>

#include "absl/strings/str_format.h"

namespace pmoe {

double UnixTime() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string ClockSkew(double asked_s, double theirs_s, double answered_s) {
  if (!(theirs_s > 0.0)) return "";
  const double behind_s = theirs_s - answered_s;
  const double ahead_s = asked_s - theirs_s;
  if (behind_s <= kSkewMax_s && ahead_s <= kSkewMax_s) return "";
  const bool behind = behind_s > kSkewMax_s;
  return absl::StrFormat(
      "this machine's clock is %.0f s %s the learner's; certificates may be refused and log times "
      "do not compare: set both by NTP",
      behind ? behind_s : ahead_s, behind ? "behind" : "ahead of");
}

}  // namespace pmoe
