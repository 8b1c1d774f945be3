"""Counters in Prometheus' text format. They are this process's own; a scraper adds up the replicas."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING

from mcp_registrar.registry.http import Answer, Request

if TYPE_CHECKING:
    from mcp_registrar.registry.app import RegistryApp

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """Requests by method, route and status, and how long they took."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, str, int], int] = defaultdict(int)
        self.buckets: dict[str, list[int]] = defaultdict(lambda: [0] * (len(BUCKETS) + 1))
        self.seconds: dict[str, float] = defaultdict(float)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        route = route or "unknown"
        known = method if method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "other"
        self.requests[known, route, status] += 1
        self.buckets[route][bisect_left(BUCKETS, seconds)] += 1
        self.seconds[route] += seconds

    def text(self, servers: int) -> str:
        lines = [
            "# HELP mcp_registry_servers Servers with a version that is not deleted.",
            "# TYPE mcp_registry_servers gauge",
            f"mcp_registry_servers {servers}",
            "# HELP mcp_registry_http_requests_total Requests answered.",
            "# TYPE mcp_registry_http_requests_total counter",
        ]
        lines += [
            f'mcp_registry_http_requests_total{{method="{method}",path="{route}",status_code="{status}"}} {count}'
            for (method, route, status), count in sorted(self.requests.items())
        ]
        lines += [
            "# HELP mcp_registry_http_request_duration_seconds Time from request to answer.",
            "# TYPE mcp_registry_http_request_duration_seconds histogram",
        ]
        for route, counts in sorted(self.buckets.items()):
            total = 0
            name = "mcp_registry_http_request_duration_seconds"
            for limit, count in zip((*BUCKETS, "+Inf"), counts, strict=True):
                total += count
                lines.append(f'{name}_bucket{{path="{route}",le="{limit}"}} {total}')
            lines.append(f'{name}_sum{{path="{route}"}} {self.seconds[route]:.6f}')
            lines.append(f'{name}_count{{path="{route}"}} {total}')
        return "\n".join(lines) + "\n"


async def page(app: RegistryApp, request: Request) -> Answer:
    text = app.metrics.text(await app.store.count())
    return Answer(text, content_type="text/plain; version=0.0.4; charset=utf-8")
