"""Decodes TensorBoard event files with nothing but the standard library.

    python3 read_events.py FOLDER

Prints one line per scalar, "step tag value" with the value as its 32-bit float's repr, one for what
a plugin shows, "step tag of plugin", and one per other record: "version brain.Event:2", "start
STEP". Stops with an error on a wrong length, checksum
or field. Field numbers and the record format are those of TensorBoard's own event.proto and
TensorFlow's TFRecord.
"""
import pathlib
import struct
import sys


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def check(data, masked):
    crc = crc32c(data)
    if (((crc >> 15 | crc << 17) & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF != masked:
        raise ValueError("wrong checksum")


def records(data):
    while data:
        check(data[:8], *struct.unpack_from("<I", data, 8))
        length, = struct.unpack_from("<Q", data)
        payload = data[12:12 + length]
        check(payload, *struct.unpack_from("<I", data, 12 + length))
        yield payload
        data = data[16 + length:]


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def fields(data):
    """[(field number, raw value)] of a protobuf message."""
    at, found = 0, []
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        else:
            size, at = {1: (8, at), 5: (4, at)}.get(kind) or varint(data, at)
            value, at = data[at:at + size], at + size
            if len(value) != size:
                raise ValueError("message ends too early")
        found.append((key >> 3, value))
    return found


def entry_line(step, entry):
    tag = entry[1].decode()
    if 2 in entry:
        number, = struct.unpack("<f", entry[2])
        return f"{step} {tag} {number!r}"
    plugin = dict(fields(dict(fields(entry[9]))[1]))
    return f"{step} {tag} of {plugin[1].decode()}"


def lines(payload):
    event = fields(payload)
    step = dict(event).get(2, 0)
    for number, value in event:
        if number == 3:
            yield f"version {value.decode()}"
        elif number == 7:
            yield f"start {step}" if fields(value) == [(1, 1)] else f"session {value!r}"
        elif number == 5:
            for _, entry in fields(value):
                yield entry_line(step, dict(fields(entry)))
        elif number not in (1, 2):
            raise ValueError(f"unexpected field {number}")


def main():
    for path in sorted(pathlib.Path(sys.argv[1]).glob("events.out.tfevents.*")):
        for payload in records(path.read_bytes()):
            print(*lines(payload), sep="\n")


if __name__ == "__main__":
    main()
