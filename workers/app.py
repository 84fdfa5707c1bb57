"""The Celery application: queues, limits, and the settings under which a message may be lost or doubled without harm.

The database knows what is to be done; a message is only a stage's number. So no result backend, no retries by Celery, no eta,
no chains.
"""

from __future__ import annotations

from typing import Any

from celery import Celery
from kombu.entity import Exchange, Queue

from codebook.stages import DOCUMENTS, QUEUES, STAGES, StageName
from runtime.settings import Settings, load_settings
from workers import broker

# From the table of stages: discovery that finds nothing says nothing.
TASK_MODULES = tuple(spec.module for spec in STAGES.values())


def task_name(stage: StageName) -> str:
    """Return the name of a stage's task. Messages in Redis outlive the modules that they were sent from, so it is no import
    path.
    """
    return f"gongkai.{stage}"


def _queue(name: str) -> Any:
    return Queue(name, Exchange(""), routing_key=name)  # type: ignore[no-untyped-call]


def configuration(settings: Settings) -> dict[str, Any]:
    """Return Celery's settings; each that differs from the default has its reason here."""
    return {
        "broker_url": settings.broker,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,  # a worker that stops trying is a worker lost
        "broker_transport_options": {
            "visibility_timeout": 1800,  # a duplicate loses the claim, so it may be shorter than the longest task
            "unacked_restore_interval": 10,
            "unacked_restore_throttle": 1,
            # Without a timeout a connection whose peer is gone in silence is waited on for ever.
            "socket_timeout": 15,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 10,
        },
        "result_backend": None,
        "task_ignore_result": True,
        "task_serializer": "json",
        "accept_content": ["json"],
        # By queue only, through the nameless exchange: bindings of a named one are lost when Redis is flushed.
        "task_queues": [_queue(name) for name in QUEUES],
        "task_default_queue": DOCUMENTS,
        "task_create_missing_queues": False,
        "task_acks_late": True,
        # The ledger tries again, and counts. Celery would requeue a document that kills its process without end.
        "task_reject_on_worker_lost": False,
        "task_retry_on_worker_lost": False,
        "task_acks_on_failure": True,
        "task_acks_on_timeout": True,
        "task_publish_retry": False,
        "worker_prefetch_multiplier": settings.prefetch,
        "worker_max_tasks_per_child": settings.tasks_per_child,
        "worker_max_memory_per_child": settings.resident_bytes // 1024,
        "worker_proc_alive_timeout": 120,  # a process that loads models must not be killed while it does
        "worker_soft_shutdown_timeout": settings.shutdown_seconds,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_send_task_events": True,  # Flower lives on them
        "task_send_sent_event": False,
        "worker_enable_remote_control": True,
        "enable_utc": True,
    }


def make_app(settings: Settings) -> Celery:
    """Return a Celery application for ``settings``."""
    broker.install()
    made = Celery("gongkai", include=TASK_MODULES)
    made.conf.update(configuration(settings))
    return made


app = make_app(load_settings())
