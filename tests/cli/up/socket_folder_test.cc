#include "cli/up/socket_folder.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

// The path that a process used which was killed in the midst.
std::string KilledProcessFolder(const std::string& base) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto folder = SocketFolder::CreateIn(base);
    std::ofstream(folder->File("key.pem")) << "secret";
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  return fs::directory_iterator(base)->path();
}

TEST(SocketFolderTest, IsItsOwnersAloneAndGoesWithTheObject) {
  TempDir base;
  std::string path;
  {
    const auto folder = SocketFolder::CreateIn(base.path());
    ASSERT_OK(folder);
    path = folder->path();
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777u, 0700u);
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(SocketFolderTest, WhatAKilledProcessLeftGoesAtTheNextStartAndTheLivingsStays) {
  TempDir base;
  const std::string killed = KilledProcessFolder(base.path());
  EXPECT_TRUE(fs::exists(killed + "/key.pem"));
  fs::create_directories(base.File("pmoe-up-foreign"));  // anybody may read it: not one of ours
  fs::permissions(base.File("pmoe-up-foreign"), fs::perms(0755));
  const auto living = SocketFolder::CreateIn(base.path());
  ASSERT_OK(living);
  EXPECT_FALSE(fs::exists(killed));
  const auto next = SocketFolder::CreateIn(base.path());
  ASSERT_OK(next);
  EXPECT_TRUE(fs::exists(living->path()));
  EXPECT_TRUE(fs::exists(base.File("pmoe-up-foreign")));
}

}  // namespace
}  // namespace pmoe
