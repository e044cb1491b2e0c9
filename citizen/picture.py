"""The life of a report as a picture, drawn from the one table: what the README shows."""

from citizen.edges import FINAL, TABLE
from citizen.states import STATUS_LABELS, Action, Status


def mermaid() -> str:
    """Return the state diagram in Mermaid's words; steps that stay where they are are not in it."""
    lines = ["stateDiagram-v2", "  direction LR", f"  [*] --> {Status.SUBMITTED} : {Action.SUBMIT}"]
    lines += [f"  {status} : {status} {label}" for status, label in STATUS_LABELS.items()]
    for (source, target), actions in _arrows().items():
        lines.append(f"  {source} --> {target} : {', '.join(actions)}")
    lines += [f"  {status} --> [*]" for status in sorted(FINAL)]
    return "\n".join(lines)


def _arrows() -> dict[tuple[Status, Status], list[str]]:
    """Return what leads from one status to another, in the order of the table."""
    found: dict[tuple[Status, Status], list[str]] = {}
    for edge in TABLE:
        for source, targets in edge.moves.items():
            for target in sorted(targets - {source}):
                found.setdefault((source, target), []).append(edge.action.value)
    return found
