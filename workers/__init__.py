"""The processes that do the work: workers, their supervisor on one machine, the rescuer, metrics.

::

    notifier --> Redis --> worker (app, run) --> stage_runner --> the function of a stage (tasks/*/task.py)
                             |                      claim, work, complete or fail, go on in place
                             |                   lease_heartbeat: renews the lease of what this process works on
                             '-- process_monitor: shows that the worker lives, keeps the leases of its processes
                                 crash_report:    reports a process that died or reached its time limit
    rescuer: expires leases, sends notifications for what is due, detects lost messages
    local/:  all of it on one machine

Everything here may die at any moment; docs/guarantees.md says what holds then. What is to be done is in the ledger
(:mod:`database.ledger`), never in a message.
"""
