"""The network of labs in any month, from what the workers kept of the first block of runs."""

import numpy as np

from sim.app.compute import Answer
from sim.app.tables import tables
from sim.charts.data import Floats
from sim.charts.networks import circle
from sim.charts.style import BLOC_HUE
from sim.interactive.network import LabNetwork, Node, Tie


def network_of(answer: Answer, month: int) -> LabNetwork:
    """Return the network of the alternative in a month, as `sim.interactive.network.network_at` would play it."""
    played = answer.first
    place, record = month - int(played.record.months[0]), played.record
    names, table = list(played.labs), tables().labs
    blocs = dict(zip(table.text("lab"), table.text("bloc"), strict=True))

    def means(measure: str, least: float | None = None) -> "Floats":
        columns = [record.columns.index(f"{measure}.{lab}") for lab in names]
        values = np.take(record.values[:, place], columns, axis=1)
        found: Floats = (values if least is None else values >= least).mean(axis=0)
        return found

    tokens, openness, compute = means("token_share"), means("release_open", least=1.0), played.compute[place]
    there = [lab for lab, size in zip(names, compute, strict=True) if size > 0]
    groups = {bloc: [lab for lab in there if blocs[lab] == bloc] for bloc in BLOC_HUE}
    nodes = []
    for lab, (x, y) in circle({bloc: labs for bloc, labs in groups.items() if labs}).items():
        at = names.index(lab)
        nodes.append(Node(lab, blocs[lab], float(compute[at]), float(tokens[at]), float(openness[at]), x, y))
    lead = played.lead[place]
    ties = [
        Tie(teacher, learner, float(lead[row, col]))
        for row, learner in enumerate(names) for col, teacher in enumerate(names)
        if lead[row, col] > 0 and learner in there and teacher in there
    ]  # fmt: skip
    ties.sort(key=lambda tie: (tie.learner, -tie.weight, tie.teacher))
    return LabNetwork(month, len(record.rows), tuple(nodes), tuple(ties))
