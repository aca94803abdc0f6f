"""Who may include whom, and which headers must not meet in one translation unit."""
from source_text import CPP, Violation, includes

# The longest matching folder on the left says which folders its files may include. `cli` may know
# all and so may `tests`; what is not listed here has no rule.
ALLOWED = {
    "common/base": ("common/base",),
    "common/verdict": ("common/base", "common/verdict"),
    "common/policy": ("common/base", "common/policy", "proto"),
    "common": ("common", "proto"),
    "replay/core": ("replay/core", "common/base"),
    "control/core": ("control/core", "common/base", "common/policy"),
    "control/wire": ("control/wire", "control/core", "common", "proto"),
    "control/service": ("control/service", "control/wire", "control/core", "common", "proto"),
    "control/client": ("control/client", "control/wire", "control/core", "common", "proto"),
    "dashboard": ("dashboard", "control/wire", "common", "proto"),
    "replay/wire": ("replay/wire", "replay/core", "common/base", "common/config", "proto"),
    "replay/log": ("replay/log", "replay/core", "common/base"),
    "replay/load": ("replay/load", "replay/client", "replay/wire", "replay/core", "common",
                    "proto"),
    "replay/service": ("replay/service", "replay/load", "replay/log", "replay/wire", "replay/core",
                       "control/client", "control/wire", "common", "proto"),
    "replay/client": ("replay/client", "replay/wire", "replay/core", "common", "proto"),
    "actor": ("actor", "control/client", "control/wire", "control/core", "replay/client",
              "replay/wire", "common", "proto"),
    "run": ("run", "control/wire", "control/core", "replay/client", "replay/wire", "replay/log",
            "replay/core", "common", "proto"),
    "learner/kernels": ("learner/kernels", "common/base", "common/policy"),
    "learner": ("learner", "run", "control", "dashboard", "replay/load", "replay/client",
                "replay/wire", "replay/core", "common", "proto"),
}
OUR_FOLDERS = ("proto", "common", "control", "dashboard", "actor", "replay", "run", "learner",
               "cli", "tests")

# These must stay usable by every binary: an actor has no LibTorch, a test no server.
PURE = ("replay/core", "replay/log", "control/core", "run", "common/base", "common/policy",
        "learner/kernels")

TORCH = ("torch/", "ATen/", "c10/")
GRPC = ("grpc/", "grpcpp/", "grpc++/")
PROTOBUF = ("google/protobuf/",)


def is_below(path, folder):
    return path.startswith(folder + "/")


def folder_of(path, folders):
    below = [folder for folder in folders if is_below(path, folder)]
    return max(below, key=len, default=None)


def is_torch(header):
    return header.startswith(TORCH)


def is_grpc(header):
    return header.startswith(GRPC) or header.endswith(".grpc.pb.h")


def is_protobuf(header):
    return is_grpc(header) or header.startswith(PROTOBUF) or header.endswith(".pb.h")


def chain_to(tree, path, wanted, seen=None):
    """The shortest-first chain of headers from path to one that `wanted` accepts, or None."""
    seen = set() if seen is None else seen
    seen.add(path)
    headers = [header for _, header in includes(tree[path])]
    for header in headers:
        if wanted(header):
            return [header]
    for header in headers:
        if header in tree and header not in seen:
            rest = chain_to(tree, header, wanted, seen)
            if rest:
                return [header, *rest]
    return None


def check_dependencies(path, text):
    folder = folder_of(path, ALLOWED)
    if folder is None:
        return
    allowed = ALLOWED[folder]
    for line, header in includes(text):
        if folder_of(header, OUR_FOLDERS) and not folder_of(header, allowed):
            yield Violation(path, line, "dependency",
                            f"{folder} may include only {', '.join(allowed)}; {header} is not "
                            "one of them: move what both need into a folder that both may include")


def check_purity(tree, path):
    folder = folder_of(path, PURE)
    if folder is None:
        return
    for name, wanted in (("gRPC", is_grpc), ("LibTorch", is_torch)):
        chain = chain_to(tree, path, wanted)
        if chain:
            yield Violation(path, 1, "pure folder",
                            f"{folder} must not know {name}, but includes {' -> '.join(chain)}")


def check_torch_alone(tree, path):
    """Reported where the two meet, not again in every file that includes that header."""
    torch, protobuf = chain_to(tree, path, is_torch), chain_to(tree, path, is_protobuf)
    if not torch or not protobuf:
        return
    for _, header in includes(tree[path]):
        if header in tree and chain_to(tree, header, is_torch) and \
                chain_to(tree, header, is_protobuf):
            return
    yield Violation(path, 1, "Torch or protobuf",
                    "LibTorch's headers bring an old protobuf along, so that one file must not "
                    f"include both: {' -> '.join(torch)} and {' -> '.join(protobuf)}; pass plain "
                    "structs between two files instead")


def check_includes(tree):
    for path, text in tree.items():
        if path.endswith(CPP):
            yield from check_dependencies(path, text)
            yield from check_purity(tree, path)
            yield from check_torch_alone(tree, path)
