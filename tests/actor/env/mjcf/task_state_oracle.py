"""The simulator's state under the controls of a task, by Python's mujoco.

    task_state_oracle.py MODEL FRAME_SKIP ROWS OUT

ROWS: float64; a row is [qpos, qvel, act, ctrl, mocap_pos, mocap_quat]. The first is the state that
an episode starts in; of the others only the controls count. OUT gets [qpos, qvel, act, xpos,
ten_length, sensordata, actuator_force] after each step of FRAME_SKIP simulator steps.
"""

import sys

import mujoco
import numpy as np

STATE = ("qpos", "qvel", "act", "ctrl", "mocap_pos", "mocap_quat")
SEEN = ("qpos", "qvel", "act", "xpos", "ten_length", "sensordata", "actuator_force")


def start(m, d, row):
    begin = 0
    for name in STATE:
        array = getattr(d, name)
        array[:] = row[begin : begin + array.size].reshape(array.shape)
        begin += array.size
    assert begin == row.size, (begin, row.size)
    mujoco.mj_forward(m, d)


def main():
    model, frame_skip, rows, out = sys.argv[1:]
    m = mujoco.MjModel.from_xml_path(model)
    d = mujoco.MjData(m)
    rows = np.fromfile(rows)
    width = sum(getattr(d, name).size for name in STATE)
    rows = rows.reshape(-1, width)
    start(m, d, rows[0])
    controls = m.nq + m.nv + m.na
    result = []
    for row in rows[1:]:
        d.ctrl[:] = row[controls : controls + m.nu]
        mujoco.mj_step(m, d, nstep=int(frame_skip))
        result += [getattr(d, name).ravel().copy() for name in SEEN]
    np.concatenate(result).tofile(out)


if __name__ == "__main__":
    main()
