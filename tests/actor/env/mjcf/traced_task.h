// A task against Python's mujoco: the controls that the task sends are played there from the state
// that its episode starts in, and every number of the simulator's state must be equal to the bit.
#pragma once

#include <string>

namespace pmoe {

struct TracedTask {
  std::string file;   // textproto
  std::string model;  // MJCF, absolute
  int steps = 100;
};

// Plays random actions of the nominal task; fails the test where a bit differs.
void ExpectEqualsPythonsMujoco(const TracedTask& task);

// Plays random actions of the task with all its draws; fails the test where the simulation breaks
// down. xml_file: in place of the file's model, unless empty.
void ExpectNoBreakDown(const std::string& file, const std::string& xml_file, int steps);

}  // namespace pmoe
