/* A library with a symbol of MuJoCo's: linked into other_mujoco_plugin.so it is that plugin's own
 * MuJoCo, of another version than the host's. */
int mj_version(void) { return 210; }
