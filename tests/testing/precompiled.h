// What nearly every test includes, compiled once for all of them (cmake/PmoeTargets.cmake). Nothing
// relies on it: each file names what it uses.
#pragma once

#include <gmock/gmock.h>  // IWYU pragma: keep
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
