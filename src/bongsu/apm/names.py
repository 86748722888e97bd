"""
Every OpenTelemetry name that the numbers come from, Bongsu's own ones, and the names of the series that come out.

`docs/apm.md` has the same lists with their meaning. OpenTelemetry has renamed many of its attributes; both the current and
the older spelling are read, the current one first.
"""

from __future__ import annotations

# Bongsu's own OTLP metrics: what no OpenTelemetry SDK measures.

TRANSACTIONS_ACTIVE = "bongsu.transactions.active"
"""Transactions in flight, with the attributes `STATE` and `BAND`."""
THREADPOOL_ACTIVE = "bongsu.threadpool.active"
"""Busy threads of the worker pools; one stream per pool, told apart by any attributes."""
THREADPOOL_QUEUE = "bongsu.threadpool.queue"
"""Work that waits for a thread of the pools."""
HOST_CPU_CORES = "bongsu.host.cpu.cores"
"""Logical processors of the host."""

STATE = "state"
"""Attribute of `TRANSACTIONS_ACTIVE`: what the transaction does now, one of `STATES`; another or none means method."""
BAND = "band"
"""Attribute of `TRANSACTIONS_ACTIVE`: how old the transaction is, one of `BANDS`; another or none means the youngest."""
STATES = ("method", "sql", "httpc", "dbc", "socket")
BANDS = ("0-3s", "3-8s", "8s-")
"""In time, slow, very slow: the usual bounds of an active-transaction display."""

MOST_CHARACTERS = 512
"""Of a name, id or message that is kept: nobody reads longer ones."""

# Resource attributes.

SERVICE_NAMESPACE, SERVICE_NAME, SERVICE_INSTANCE_ID = (
    "service.namespace",
    "service.name",
    "service.instance.id",
)
INSTANCE_FALLBACKS = ("k8s.pod.uid", "container.id")
"""Identify one process where the SDK gives no instance id: they name a box that runs one process as a rule."""
PROCESS_ID = "process.pid"
HOST_KEYS = ("host.id", "host.name", "k8s.node.name")
"""What identifies a host, best first."""
HOST_NAME_KEYS = ("host.name", "k8s.node.name", "host.id")
HOST_IP = "host.ip"

AGENT_KIND, HOST_AGENT = "bongsu.agent.kind", "host"
"""Marks the resource of a machine's own agent, which is no application."""

# Span attributes.

USER_KEYS = ("enduser.id", "user.id", "enduser.pseudo.id", "session.id")
"""Who the user is, best first."""
FORWARDED_KEYS = ("http.request.header.x-forwarded-for", "http.request.header.x_forwarded_for")
"""The header as SDKs keep it that were told to; only then is it believed. Its first address is the client's, the rest are proxies."""
ADDRESS_KEYS = ("client.address", "http.client_ip", "net.sock.peer.addr", "net.peer.ip")
"""Where the user is, when nobody says who: the client behind proxies before the peer of the socket."""
PRIVATE_KEYS = frozenset((*USER_KEYS, *ADDRESS_KEYS))
PRIVATE_PREFIX = "http.request.header."
"""What is not kept with a span: it would tell who the user is, or hold a cookie."""
ROUTE_KEYS = ("http.route", "http.target", "url.path", "rpc.method", "messaging.destination.name")
SERVICE_KEYS = ("http.route", "rpc.method", "messaging.destination.name")
PATH_KEYS = ("url.path", "http.target")
"""What a transaction was asked for: what has few values as it is, and what has to be made alike first."""
DB_SYSTEM_KEYS = ("db.system.name", "db.system")
DB_STATEMENT_KEYS = ("db.query.text", "db.statement", "db.query.summary")
DB_NAME_KEYS = ("db.namespace", "db.name")
DB_ROWS = "db.response.returned_rows"
HTTP_METHOD_KEYS = ("http.request.method", "http.method")
URL_KEYS = ("url.full", "http.url", "url.path", "http.target")
URL_TEMPLATE_KEYS = ("url.template",)
SERVER_KEYS = ("server.address", "net.peer.name", "net.peer.ip")
PORT_KEYS = ("server.port", "net.peer.port")
ERROR_TYPE = "error.type"
HTTP_STATUS_KEYS = ("http.response.status_code", "http.status_code")

# OpenTelemetry metrics.

ACTIVE_REQUESTS = ("http.server.active_requests",)
THREADPOOL_ACTIVE_OTHERS = (
    "dotnet.thread_pool.thread.count",
    "tomcat.thread.busy.count",
    "jetty.thread.busy.count",
)
THREADPOOL_QUEUE_OTHERS = (
    "dotnet.thread_pool.queue.length",
    "jetty.thread.queue.size",
    "kestrel.queued_requests",
)
DB_CONNECTIONS = (
    "db.client.connection.count",
    "db.client.connections.usage",
    "wildfly.db.client.connection.count",
)
DB_STATE_KEYS = ("db.client.connection.state", "state")
CPU_UTILIZATION = "system.cpu.utilization"
CPU_TIME = "system.cpu.time"
CPU_UTILIZATION_WHOLE = "jvm.system.cpu.utilization"
CPU_PROCESS = ("jvm.cpu.recent_utilization", "process.cpu.utilization")
"""The process' own share of all processors: all that some agents send. The host is at least as busy."""
CPU_MODE_KEYS = ("cpu.mode", "system.cpu.state", "state")
CPU_NUMBER_KEYS = ("cpu.logical_number", "system.cpu.logical_number", "cpu")
CPU_CORES = (HOST_CPU_CORES, "system.cpu.logical.count", "jvm.cpu.count", "dotnet.process.cpu.count")
"""Gauges of logical processors, best first: the last two know a container's share only."""
DURATIONS = (
    "http.server.request.duration",
    "http.server.duration",
    "rpc.server.call.duration",
    "rpc.server.duration",
    "messaging.process.duration",
)
"""Histograms of the durations of transactions."""

# Series that each sealed tick writes into the project's store.

SERIES_PREFIX = "bongsu_apm_"
AGENT_PREFIX = "bongsu_apm_agent_"
