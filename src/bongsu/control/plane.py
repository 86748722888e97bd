"""The control plane as one thing: a database at its newest schema, and the services over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.control.context import ControlOptions, make_context
from bongsu.control.database import Database
from bongsu.control.external import ExternalUsers
from bongsu.control.host_agents import HostAgents
from bongsu.control.keys import Keys
from bongsu.control.layouts import Layouts
from bongsu.control.members import Members
from bongsu.control.migrate import migrate
from bongsu.control.moving import ProjectMoves
from bongsu.control.projects import Projects
from bongsu.control.reserved import ReservedWorkspaces
from bongsu.control.scraping import ScrapeOptionStore
from bongsu.control.server_states import ServerStates
from bongsu.control.servers import Servers
from bongsu.control.sessions import Sessions
from bongsu.control.states import TargetStates
from bongsu.control.targets import Targets
from bongsu.control.users import Users
from bongsu.control.workspaces import Workspaces

if TYPE_CHECKING:
    from bongsu.control.context import CountRefusal
    from bongsu.runtime.clock import Clock


class ControlPlane:
    """
    All services over one database. Services block and may be called from any thread.

    Parameters
    ----------
    url
        ``sqlite:///PATH`` (`bongsu.control.database.sqlite_url`) or ``postgresql://...``; migrated at once.
    count_refusal
        Told of every call that a limit of its project refused.

    Attributes
    ----------
    changes
        Tells who subscribes that keys, projects or targets have changed.
    audit
        The trail of all changes.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        options: ControlOptions | None = None,
        *,
        count_refusal: CountRefusal = lambda _project, _limit, _count: None,
    ) -> None:
        self.options = options or ControlOptions()
        self.database = Database(url)
        migrate(self.database)
        context = make_context(self.database, clock, self.options, count_refusal)
        reserved = ReservedWorkspaces(context.ids, clock)
        self.changes = context.changes
        self.audit = context.audit
        self.keys = Keys(context)
        self.projects = Projects(context, self.keys, reserved)
        self.moves = ProjectMoves(context, self.projects)
        self.servers = Servers(context, reserved)
        self.host_agents = HostAgents(context, reserved)
        self.workspaces = Workspaces(context)
        self.layouts = Layouts(context)
        self.states = TargetStates(self.database)
        self.targets = Targets(context, self.states)
        self.server_states = ServerStates(context, self.states)
        self.scraping = ScrapeOptionStore(context)
        self.users = Users(context)
        self.members = Members(context)
        self.sessions = Sessions(context)
        self.external_users = ExternalUsers(context)

    def close(self) -> None:
        """Write what is pending and close the database."""
        self.states.flush()
        self.database.close()
