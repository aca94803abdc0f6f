// Where this program and what it was built with lie: in a checkout, or installed by a wheel or a
// bundle, whose layout is (cmake/package/tree.py)
//   SITE/pmoe/bin/pmoe…         the programs
//   SITE/pmoe/package.txt       what must be there; its presence is what "installed" means
//   SITE/torch, SITE/mujoco, …  the wheels that it needs
// Free functions, thread-safe.
#pragma once

#include <string>

namespace pmoe {

// The folder of package.txt; empty in a checkout's build and in an image.
std::string PackageFolder();

// The folder that holds the wheels' torch, mujoco and gymnasium: SITE of an installed program;
// else that of the virtual environment under $PMOE_DEPS or, without that variable, under the
// folder this binary was built with.
std::string SitePackages();

// The Python that has the wheels: $PMOE_PYTHON, which the launcher of an installed program sets;
// else the one beside whose packages we lie, or that of the virtual environment which this binary
// was built with. Empty: none is known.
std::string WheelPython();

// The folder of the Python package pmoe: SITE/pmoe, or the checkout's python/pmoe. In a bundle and
// in an image it holds no Python.
std::string PythonFolder();

// The folder of trained policies that come along: $PMOE_ZOO, else the checkout's zoo, else,
// installed, SITE/pmoe/zoo, which wheels do not have.
std::string ZooFolder();

// What users type to run us: "pmoe" once installed, "./pmoe" in a checkout.
std::string UserCommand();

// How to mend what is missing of ourselves, for the end of an error: "install pmoe again: …" or
// "./pmoe build makes it".
std::string HowToMend();

// The exact version that `wheel` ("torch") must have, as package.txt has it; empty where nothing
// says so.
std::string WantedVersion(const std::string& wheel);

// The version of `wheel` in SitePackages, as pip wrote it: "2.11.0+cpu"; empty: not installed.
std::string FoundVersion(const std::string& wheel);

}  // namespace pmoe
