"""NumPy's own numbers as C hex floats, two per line: the oracle of numpy_conformance_test.cc.

    numpy_oracle.py draws SEED COUNT   uniform(-0.1, 0.1), then standard_normal()
    numpy_oracle.py sums SEED COUNT    sum(x) and sum(square(x)) of the first n = 1 ... COUNT
                                       of uniform(-1, 1, COUNT)
"""

import sys

import numpy as np


def draws(generator, count):
    for _ in range(count):
        yield generator.uniform(-0.1, 0.1), generator.standard_normal()


def sums(generator, count):
    values = generator.uniform(-1.0, 1.0, count)
    for n in range(1, count + 1):
        yield np.sum(values[:n]), np.sum(np.square(values[:n]))


def main():
    what, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    for first, second in {"draws": draws, "sums": sums}[what](generator, count):
        print(float(first).hex(), float(second).hex())


if __name__ == "__main__":
    main()
