"""Documents that are processed in this process, by the real stages, without a broker: for tests of what people do with them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sqlalchemy import Engine, select

from codebook.records import Hints, Record, Report
from codebook.stages import StageName
from database import ledger
from database.intake import register
from database.ledger import Arrival, Next
from database.models import Document, Stage, StageState
from database.session import reading, run_transaction
from runtime.settings import Settings
from runtime.store import Store
from tasks.extraction import task as extraction
from tasks.loading import task as loading
from tasks.parsing import task as parsing
from tasks.validation import task as validation
from workers.lease_heartbeat import LeaseHeartbeat
from workers.notifier import SilentNotifier
from workers.stage_runner import StageRunner
from workers.worker_context import WorkerContext

ROOMS = (extraction, parsing, validation, loading)
OWNER = "inline#1"


class Inline:
    """A worker without a broker: :meth:`work` does all that is due."""

    def __init__(self, engine: Engine, home: Path) -> None:
        self.engine, self.settings = engine, Settings(home=home)
        self.store = Store(self.settings.store)
        self.notifier = SilentNotifier()
        heartbeat = LeaseHeartbeat(engine, self.settings)
        self.runner = StageRunner(WorkerContext(self.settings, engine, self.store, self.notifier, heartbeat, OWNER))

    def add(self, data: bytes, media_type: str, path: str, batch: str = "test", hints: Hints | None = None) -> int:
        """Register a document; gives its id."""
        sha256 = self.store.put(data)
        assert sha256 == hashlib.sha256(data).hexdigest()
        arrival = Arrival(sha256, media_type, len(data), path, hints or Hints(path=path))
        return run_transaction(self.engine, lambda c: register(c, batch, [arrival]))[0].document_id

    def work(self) -> list[str]:
        """Do all stages that are due, one after the other; gives what became of each."""
        told: list[str] = []
        while True:
            with reading(self.engine) as connection:
                due = (StageState.QUEUED, StageState.WAITING)
                stage = connection.execute(select(Stage.id, Stage.stage).where(Stage.state.in_(due)).order_by(Stage.id)).first()
            if stage is None:
                return told
            told.append(self.runner.run(stage.id, StageName(stage.stage)))
            if told[-1] == "taken already":  # it waits for its time
                return told[:-1]

    def have_read(self, document_id: int, report: Report, *before: tuple[StageName, Record]) -> None:
        """As if the parser had made ``report`` of a new document, after the stages ``before``; then validate and load it."""
        outputs: list[tuple[StageName, Record]] = [*before, (StageName.PARSE, report)]
        stages = [name for name, _ in outputs]
        if stages[0] is not StageName.EXTRACT:
            outputs.insert(0, (StageName.EXTRACT, report))
        following = [name for name, _ in outputs[1:]] + [StageName.VALIDATE]
        for (name, output), then in zip(outputs, following, strict=True):
            held = self.claim(document_id, name)
            run_transaction(self.engine, lambda c, h=held, o=output, t=then: ledger.complete(c, h, o, {}, [Next(t)]))
        self.work()

    def read_anew(self, document_id: int, report: Report) -> None:
        """As if the document was parsed again, with another result; then validate and load it."""
        chosen = ledger.Selection(documents=(document_id,))
        run_transaction(self.engine, lambda c: ledger.reprocess(c, chosen, StageName.PARSE, who="test", reason="another parser"))
        held = self.claim(document_id, StageName.PARSE)
        run_transaction(self.engine, lambda c: ledger.complete(c, held, report, {}, [Next(StageName.VALIDATE)]))
        self.work()

    def claim(self, document_id: int, name: StageName) -> ledger.Claim:
        """Claim a stage of a document, as a worker that begins with it."""
        wanted = select(Stage.id).join(Document, Document.id == Stage.document_id)
        wanted = wanted.where(Stage.document_id == document_id, Stage.run == Document.run, Stage.stage == name)
        with reading(self.engine) as connection:
            number = connection.scalar(wanted)
        assert number is not None
        held = run_transaction(self.engine, lambda c: ledger.claim(c, number, OWNER, 60))
        assert held is not None
        return held
