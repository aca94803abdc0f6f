"""Prints a folder's scalars as TensorBoard itself reads them, "step tag value" by tag, then step.

    python accumulate_events.py FOLDER      with an interpreter that has the package tensorboard
"""
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tb_logging


def main():
    tb_logging.get_logger().setLevel("ERROR")  # it warns of each resume
    events = EventAccumulator(sys.argv[1])
    events.Reload()
    for tag in sorted(events.Tags()["scalars"]):
        for scalar in events.Scalars(tag):
            print(scalar.step, tag, scalar.value)


if __name__ == "__main__":
    main()
