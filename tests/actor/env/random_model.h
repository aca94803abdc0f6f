// Small MJCF models with everything that MuJoCo can step: each seed gives another one. Test helper.
#pragma once

#include <cstdint>
#include <string>

namespace pmoe {

// Writes the meshes that random models use, a tetrahedron as STL, OBJ and MSH, into `folder`.
void WriteMeshes(const std::string& folder);

// The MJCF text of seed's model, whose meshes lie beside it. Every solver, integrator, cone,
// Jacobian and kind of geom, joint, equality, tendon, actuator, sensor, flex and plugin comes up
// among some hundred seeds.
std::string RandomModel(uint64_t seed);

}  // namespace pmoe
