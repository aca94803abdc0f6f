"""What a Gymnasium environment needs to go on bit for bit: a header of JSON with what Gymnasium's
own layers keep, then the environment's bytes. Those are what its class's pmoe_save gives, or, of
Gymnasium's own MuJoCo tasks, all of MuJoCo's numbers.
"""
import json
import struct


class Refused(Exception):
    """The bytes are not of this environment."""


def layers(env):
    """The wrappers from the outside to the environment itself."""
    yield env
    while env is not env.unwrapped:
        env = env.env
        yield env


def keeper(env):
    """(known wrappers, the layer that is saved), or None where something unknown keeps what we
    cannot see."""
    from gymnasium import wrappers
    known = []
    for layer in layers(env):
        kind = type(layer)
        if kind in (wrappers.TimeLimit, wrappers.OrderEnforcing):
            known.append(layer)
            continue
        saves = hasattr(kind, "pmoe_save") and hasattr(kind, "pmoe_load")
        own = layer is env.unwrapped and kind.__module__.startswith("gymnasium.envs.mujoco.")
        return (known, layer) if saves or own else None
    return None


def save(env):
    """b"": it cannot be saved."""
    found = keeper(env)
    if found is None:
        return b""
    known, layer = found
    head = json.dumps({"steps": [getattr(wrapper, "_elapsed_steps", None) for wrapper in known],
                       "random": env.unwrapped.np_random.bit_generator.state}).encode()
    own = layer.pmoe_save() if hasattr(type(layer), "pmoe_save") else save_mujoco(layer)
    return struct.pack("<Q", len(head)) + head + bytes(own)


def load(env, data):
    found = keeper(env)
    if found is None:
        raise Refused("this environment cannot be saved")
    known, layer = found
    (size,) = struct.unpack_from("<Q", data)
    head, own = json.loads(data[8:8 + size]), data[8 + size:]
    env.reset(seed=0)  # the wrappers want one
    if hasattr(type(layer), "pmoe_load"):
        layer.pmoe_load(own)
    else:
        load_mujoco(layer, own)
    for wrapper, steps in zip(known, head["steps"], strict=True):
        if steps is not None:
            wrapper._elapsed_steps = int(steps)
    env.unwrapped.np_random.bit_generator.state = head["random"]


def mujoco_arrays(env):
    """[(name, array)] of all that MuJoCo keeps in doubles and whose sizes stay, and of the
    environment's own arrays. No indices: forged ones would send MuJoCo out of bounds."""
    import numpy as np
    found = []
    for name in sorted(dir(env.data)):
        if name.startswith(("_", "efc_", "i")):
            continue  # of contacts and their islands, which the next step finds anew
        value = getattr(env.data, name)
        if isinstance(value, np.ndarray) and value.dtype == np.float64:
            found.append((name, value))
    found += [("own " + name, value) for name, value in sorted(vars(env).items())
              if isinstance(value, np.ndarray) and value.dtype == np.float64]
    return found


def save_mujoco(env):
    arrays = mujoco_arrays(env)
    head = json.dumps({"time": env.data.time, "sizes": [[n, a.size] for n, a in arrays]}).encode()
    return struct.pack("<Q", len(head)) + head + b"".join(a.tobytes() for _, a in arrays)


def load_mujoco(env, data):
    import numpy as np
    (size,) = struct.unpack_from("<Q", data)
    head = json.loads(data[8:8 + size])
    arrays = mujoco_arrays(env)
    sizes = [[name, array.size] for name, array in arrays]
    if head["sizes"] != sizes:
        differ = next((pair for pair in zip(head["sizes"], sizes) if pair[0] != pair[1]), None)
        raise Refused(f"the saved state is of another model or MuJoCo: {differ}")
    at = 8 + size
    for _, array in arrays:
        array[...] = np.frombuffer(data, np.float64, array.size, at).reshape(array.shape)
        at += array.nbytes
    env.data.time = head["time"]
