"""The processes that carry documents through their stages, and those that look after them.

===================  ==========================================================================================
module               process or part
===================  ==========================================================================================
``run``              a worker: Celery's main process and its children
``stage_runner``     in a child: claim, do one stage, complete or fail, go on in place
``lease_heartbeat``  in a child: keeps the lease of what it works on
``process_monitor``  in the main process: shows that the worker is alive, keeps the leases of living children, reports dead ones
``notifier``         sends workers the numbers of stages that are due; a hint, never the truth
``rescuer``          ends expired leases and sends lost notifications again; a process of its own
``metrics``          the Prometheus endpoint; a process of its own
``local``            one machine by itself: starts, watches and restarts all of these
===================  ==========================================================================================

What is to be done is in the ledger (:mod:`database.ledger`), so every process here may be killed at any moment.
"""
