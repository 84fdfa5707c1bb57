"""One machine without servers of its own: broker, workers and rescuer as child processes, started and ended together.

``supervisor`` holds the policy: which parts run, when a part is restarted, who takes over. ``child_process`` knows processes: how
a child is tied to its parent, started, asked to end and killed.

A part is in one of these states::

    stopped --start--> running --died by itself--> paused (1 s, 2 s, ... 30 s) --> running
                          |---killed by others---> paused (1 s) -----------------> running
                          |---no sign of life---> killed by the supervisor, then as if it had died by itself
                          '---end: SIGTERM, later SIGKILL--> stopped
"""

from workers.local.child_process import private_folder
from workers.local.supervisor import ExtraPart, Supervisor, local_supervisor

__all__ = ["ExtraPart", "Supervisor", "local_supervisor", "private_folder"]
