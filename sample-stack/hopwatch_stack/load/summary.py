"""What came of a load, in words."""

from .plan import LoadResult


def describe(result: LoadResult) -> str:
    """What came of the load, in lines."""
    lines = []
    if (requests := result.requests) is not None:
        times = ", ".join(f"{name} {ms:.1f}" for name, ms in requests.latency_ms.items())
        lines.append(
            f"{requests.requests} requests at {requests.rate:.1f} a second, "
            f"{requests.failures} failed, {requests.retried} sent again"
        )
        lines.append(f"  ms: {times}")
        lines += [f"  {count} x {error}" for error, count in requests.errors.items()]
        lines += [f"  sent again {count} x {cause}" for cause, count in requests.retries.items()]
        if requests.lost_spans:
            lines.append(f"{requests.lost_spans} spans of the load itself found no collector")
    if (visits := result.visits) is not None:
        lines.append(f"{visits.visits} page visits, {visits.failures} failed")
        lines += [f"  {count} x {error}" for error, count in visits.errors.items()]
    return "\n".join(lines)
