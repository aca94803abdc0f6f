"""What task files read and pay, each by a line of NumPy on Python's mujoco.

    task_terms_oracle.py MODEL FRAME_SKIP ACTIONS COMMAND...

Plays the rows of ACTIONS (float64, [steps, nu]) from the keyframe "home" and prints, for the state
after each step, one line per term: its name and its numbers in hexadecimal. COMMAND: the numbers of
the command "velocity". Like the environment it computes no mj_forward after a step.
"""

import sys

import mujoco
import numpy as np


def body(m, name):
    return mujoco.mj_name2id(m, mujoco.mjtObj.mjOBJ_BODY, name)


def local_velocity(m, d, name, part):
    result = np.zeros(6)
    mujoco.mj_objectVelocity(m, d, mujoco.mjtObj.mjOBJ_XBODY, body(m, name), result, 1)
    return result[part]


def forward(m, d):
    return local_velocity(m, d, "torso", slice(3, 5))


def gravity(d):
    return d.body("torso").xmat.reshape(3, 3).T @ [0, 0, -1.0]


def turned(d):
    return 2 * np.pi * (d.time / 0.7 + 0.25)


def reach(d):
    return np.linalg.norm(d.site("hand").xpos - d.body("goal").xpos)


def touching_geoms(d):
    return {g for c in d.contact for g in c.geom if c.efc_address >= 0}


def touches(m, d, geom):
    return float(mujoco.mj_name2id(m, mujoco.mjtObj.mjOBJ_GEOM, geom) in touching_geoms(d))


def beyond(m, q, share):
    low, high = m.jnt_range[1:, 0], m.jnt_range[1:, 1]
    return np.maximum(0, np.abs(q - (low + high) / 2) - (high - low) / 2 * share).sum()


OBSERVED = {
    "ACT": lambda m, d: d.act,
    "ACTUATOR_FORCE": lambda m, d: d.actuator_force,
    "ACTUATOR_LENGTH": lambda m, d: d.actuator_length,
    "ACTUATOR_VELOCITY": lambda m, d: d.actuator_velocity,
    "TEN_LENGTH": lambda m, d: d.ten_length,
    "TEN_VELOCITY": lambda m, d: d.ten_velocity,
    "QACC": lambda m, d: d.qacc,
    "XMAT": lambda m, d: d.xmat.ravel(),
    "GEOM_XPOS": lambda m, d: d.geom_xpos.ravel(),
    "SITE_XMAT": lambda m, d: d.site_xmat.ravel(),
    "SUBTREE_COM": lambda m, d: d.subtree_com.ravel(),
    "MOCAP_POS": lambda m, d: d.mocap_pos.ravel(),
    "MOCAP_QUAT": lambda m, d: d.mocap_quat.ravel(),
    "TIME": lambda m, d: np.array([d.time]),
    "SENSORDATA": lambda m, d: d.sensordata,
    "QFRC_CONSTRAINT": lambda m, d: d.qfrc_constraint,
    "BODY_LINVEL": lambda m, d: local_velocity(m, d, "torso", slice(3, 6)),
    "BODY_ANGVEL": lambda m, d: local_velocity(m, d, "torso", slice(0, 3)),
    "PROJECTED_GRAVITY": lambda m, d: gravity(d),
    "GEOM_CONTACT": lambda m, d: np.array([touches(m, d, "left_foot")]),
    "CLOCK": lambda m, d: np.array([np.sin(turned(d)), np.cos(turned(d))]),
}
REWARDS = {
    "track": lambda m, d, s: np.exp(-np.sum((forward(m, d) - s.command) ** 2) / 0.25),
    "tilt": lambda m, d, s: np.sum(gravity(d)[:2] ** 2),
    "height": lambda m, d, s: (d.body("torso").xpos[2] - 0.5) ** 2,
    "joint_limits": lambda m, d, s: beyond(m, d.qpos[7:], 0.5),
    "action_rate": lambda m, d, s: np.sum((s.actions[s.t] - s.actions[max(0, s.t - 1)]) ** 2),
    "energy": lambda m, d, s: np.sum(np.abs(d.actuator_force * d.actuator_velocity)),
    "contact": lambda m, d, s: sum(touches(m, d, g) for g in ("left_foot", "right_foot")),
    "distance": lambda m, d, s: reach(d),
    "success": lambda m, d, s: float(reach(d) < 0.5),
    "air_time": lambda m, d, s: s.landed,
}


class State:
    """What the terms of this step know beside the simulator."""

    def __init__(self, actions, command):
        self.actions, self.command = actions, command
        self.air, self.landed, self.t = np.zeros(2), 0.0, 0

    def count_air_time(self, m, d, step_s):
        down = np.array([touches(m, d, g) > 0 for g in ("left_foot", "right_foot")])
        self.landed = np.sum((self.air - 0.05)[down & (self.air > 0)])
        self.air = np.where(down, 0.0, self.air + step_s)


def main():
    path, frame_skip, actions, *command = sys.argv[1:]
    m = mujoco.MjModel.from_xml_path(path)
    d = mujoco.MjData(m)
    mujoco.mj_resetDataKeyframe(m, d, m.key("home").id)
    mujoco.mj_forward(m, d)
    state = State(np.fromfile(actions).reshape(-1, m.nu), np.array(command, dtype=float))
    for state.t, action in enumerate(state.actions):
        d.ctrl[:] = action
        mujoco.mj_step(m, d, nstep=int(frame_skip))
        state.count_air_time(m, d, int(frame_skip) * m.opt.timestep)
        for name, term in OBSERVED.items():
            print(name, *(float(x).hex() for x in term(m, d)))
        for name, term in REWARDS.items():
            print(name, float(term(m, d, state)).hex())


if __name__ == "__main__":
    main()
