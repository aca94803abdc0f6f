// Numbers as text that reads back as the same bits and is as short as that allows.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>

namespace pmoe {

// Whole numbers below 2^53 without exponent: 100000, not 1e+05. Otherwise 0.1, 1e-05, nan, inf.
inline std::string NumberText(double value) {
  char text[32];
  const bool whole = std::abs(value) < 9007199254740992.0 && value == std::trunc(value) &&
                     !(value == 0 && std::signbit(value));
  const auto end = whole ? std::to_chars(text, text + sizeof(text), static_cast<int64_t>(value)).ptr
                         : std::to_chars(text, text + sizeof(text), value).ptr;
  return std::string(text, end);
}
// As short as a float allows: 0.1, not 0.10000000149011612.
inline std::string NumberText(float value) {
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof(text), value).ptr);
}

}  // namespace pmoe
