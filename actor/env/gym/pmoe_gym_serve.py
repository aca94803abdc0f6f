"""The process of `--env gym-process:ID`: pmoe_gym.py's Host behind shared memory. gym_process.cc
starts it, one for each environment, as

    python pmoe_gym_serve.py SOCKET WAKE REPLY FAULTS

with four descriptors: a stream socket, two eventfds and a file for what a crash leaves. The first
message of the socket names the environment, the answer is its spec; the second one brings the
shared memory. Then steps and resets go through that memory, all else through the socket. The
process ends when the other end of the socket does.
"""
import faulthandler
import json
import mmap
import os
import select
import signal
import socket
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # not beside the programs
import pmoe_gym  # noqa: E402
sys.dont_write_bytecode = writes

# Where things lie in the shared memory, in words of 4 bytes and in bytes, as in gym_process.cc.
COMMAND, HAS_SEED, FAILED = range(3)
SEED, RESULT, ARRAYS = 64, 128, 4096
STEP = 1  # a command; the other is to reset
ENDS = select.POLLHUP | select.POLLERR | select.POLLNVAL


class Server:
    def __init__(self, link, wake, reply):
        self.link, self.wake, self.reply, self.host = link, wake, reply, None
        self.poll = select.poll()
        self.poll.register(wake, select.POLLIN)
        self.poll.register(link, select.POLLIN)
        self.text = ""  # why the last call failed

    def receive(self):
        head = self.exactly(4)
        return self.exactly(struct.unpack("<I", head)[0])

    def exactly(self, size):
        data = b""
        while len(data) < size:
            piece = self.link.recv(size - len(data))
            if not piece:
                self.leave()
            data += piece
        return data

    def leave(self):
        """The program has gone, or wants no more. What close() does must not outlive it long."""
        signal.setitimer(signal.ITIMER_REAL, 2)  # its default action ends the process
        if self.host is not None:
            self.host.close()
            sys.stderr.flush()
        os._exit(0)

    def send(self, data):
        self.link.sendall(struct.pack("<I", len(data)) + data)

    def begin(self):
        """Makes the environment; its arrays then lie in the shared memory."""
        import array
        ask = json.loads(self.receive())
        self.host, spec, why = pmoe_gym.make(ask["id"], json.dumps(ask["keywords"]),
                                             ask["will_render"])
        self.send(json.dumps({"spec": spec, "why": why}).encode())
        if self.host is None:
            sys.exit(0)
        _, ancillary, _, _ = self.link.recvmsg(1, socket.CMSG_SPACE(4))
        if not ancillary:
            os._exit(0)
        memory = mmap.mmap(array.array("i", ancillary[0][2])[0], 0)
        self.words = memoryview(memory).cast("I")
        self.seed = memoryview(memory)[SEED:SEED + 8].cast("Q")
        np, host = self.host.np, self.host
        actions, sizes = host.action.size, host.obs.size
        host.move(np.frombuffer(memory, np.float64, actions, ARRAYS),
                  np.frombuffer(memory, np.float64, sizes, ARRAYS + 8 * actions),
                  np.frombuffer(memory, np.float64, 3, RESULT))

    def serve(self):
        # Both sleep while the other works: the scheduler has them change places on one core. To
        # watch for the other instead is slower where cores are taken.
        while True:
            for descriptor, what in self.poll.poll():
                if descriptor == self.wake:
                    os.eventfd_read(self.wake)
                    self.call()
                elif what & select.POLLIN:
                    self.answer()
                elif what & ENDS:
                    self.leave()

    def call(self):
        words, host = self.words, self.host
        if words[COMMAND] == STEP:
            why = host.step()
        else:
            why = host.reset(self.seed[0] if words[HAS_SEED] else None)
        self.text = why or ""
        words[FAILED] = why is not None
        os.eventfd_write(self.reply, 1)

    def answer(self):
        """One message of the socket: a letter, then its bytes."""
        message = self.receive()
        kind, data, host = message[:1], message[1:], self.host
        if kind == b"t":
            self.send(self.text.encode("utf8", "replace"))
        elif kind == b"i":
            self.send(host.info().encode())
        elif kind == b"s":
            self.send(host.save())
        elif kind == b"l":
            self.send((host.load(data) or "").encode("utf8", "replace"))
        elif kind == b"r":
            why = host.render()
            if why is None:
                head = struct.pack("<II", *pmoe_gym.size(host.image))
                self.send(b"\1" + head + host.image.tobytes())
            else:
                self.send(b"\0" + why.encode("utf8", "replace"))


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the program's to answer
    link, wake, reply, faults = map(int, sys.argv[1:5])
    del sys.argv[1:]
    faulthandler.enable(file=faults, all_threads=False)
    os.dup2(2, 1)
    if "" not in sys.path:
        sys.path.append(os.getcwd())
    server = Server(socket.socket(fileno=link), wake, reply)
    server.begin()
    server.serve()


if __name__ == "__main__":
    main()
