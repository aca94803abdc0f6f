"""The project's random streams in Python: an oracle for sampled actions (common/base/rng.cc)."""

import math

import numpy as np

MASK32, MASK64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
EVALUATOR = 3  # RngRole::kEvaluator


def mix(x):
    x = (x + 0x9E3779B97F4A7C15) & MASK64
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & MASK64
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & MASK64
    return x ^ (x >> 31)


class Rng:
    """Draws what the C++ Rng does, by the methods of numpy.random.Generator that policies use."""

    def __init__(self, seed, role, index, epoch=0, env=0):
        key = mix(seed ^ mix(role))
        stream = mix(key ^ (index << 32 | epoch)) ^ mix(~env & MASK64)
        self.key = key & MASK32, key >> 32
        self.counter = [0, 0, stream & MASK32, stream >> 32]
        self.words, self.spare = [], None

    def next_u32(self):
        if not self.words:
            c, (k0, k1) = list(self.counter), self.key
            for _ in range(10):
                p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
                c = [p1 >> 32 ^ c[1] ^ k0, p1 & MASK32, p0 >> 32 ^ c[3] ^ k1, p0 & MASK32]
                k0, k1 = (k0 + 0x9E3779B9) & MASK32, (k1 + 0xBB67AE85) & MASK32
            self.words = c
            self.counter[0] += 1
        return self.words.pop(0)

    def normal(self):
        if self.spare is not None:
            value, self.spare = self.spare, None
            return value
        u = (self.next_u32() + 1.0) * 2.0**-32
        angle = 2.0 * math.pi * self.next_u32() * 2.0**-32
        radius = math.sqrt(-2.0 * math.log(u))
        self.spare = np.float32(radius * math.sin(angle))
        return np.float32(radius * math.cos(angle))

    def random(self, shape):
        return np.full(shape, (self.next_u32() >> 8) * 2.0**-24)

    def standard_normal(self, shape):
        return np.array([self.normal() for _ in range(math.prod(shape))]).reshape(shape)
