"""A cluster of pmoe on Ray: `pmoe ray`. docs/operations/ray.md.

    command.py         the flags, from their parsing to the exit code
    plan.py            what is to run: the run's directory, settings, members and their resources
    place.py           the placement group, and what the Ray cluster lacks for it
    supervisor.py      starts the members and looks after them, in the process that was typed
    member.py          the Ray actor, one for each process of pmoe, on whatever node
    private_folder.py  where a member's certificates lie, on its node

Ray starts actors again and says where they run; what they run are the programs of `pmoe up`. Needs
ray, and the programs on every node.
"""
