// So that the precompiled header has a target.
