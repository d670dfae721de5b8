"""Signs a checkpoint of the log now and then, and puts it into the anchor file."""

from collections.abc import Collection

import structlog

from hashsvc.audit import anchor, log
from hashsvc.audit.chain import Chain
from hashsvc.audit.checkpoints import Checkpoint, SigningKey
from hashsvc.audit.errors import AuditError
from hashsvc.audit.proofs import Excerpt, prove
from hashsvc.clock import Clock, utc_now
from hashsvc.loops import Loop
from hashsvc.settings import Settings
from hashsvc.store import Database

_log = structlog.get_logger()


class LogSigner(Loop):
    """Knows the signing key, which is made when it is missing, and the anchor file."""

    def __init__(self, settings: Settings, database: Database, clock: Clock = utc_now) -> None:
        super().__init__("log-signer", every_s=settings.audit_checkpoint_s)
        self._key_path = settings.audit_key_file or settings.data_dir / "audit-signing-key"
        self._anchor_path = settings.audit_anchor_file or settings.data_dir / "audit.anchor"
        self._database = database
        self._clock = clock

    def key(self) -> SigningKey:
        """
        Return the signing key.

        Raises:
            MalformedError: If its file holds none.
        """
        return SigningKey.at(self._key_path)

    def checkpoints(self) -> list[Checkpoint]:
        """
        Return all checkpoints of the anchor file.

        Raises:
            AuditError: If one of them is none, or has no good signature.
        """
        return anchor.read(self._anchor_path, self.key().public())

    def verify(self) -> int:
        """
        Return how many entries the log has, having checked all of them against the anchor file.

        Raises:
            AuditError: If something is wrong; the message says what and where.
        """
        checkpoints = self.checkpoints()
        with self._database.read() as connection:
            return log.verify(connection, checkpoints, self.key().blinder())

    def checkpoint(self) -> Checkpoint:
        """
        Sign the log as it is, and return the checkpoint; the last one when nothing was added.

        Raises:
            AuditError: If the log is not what was signed before: then it is not signed again.
        """
        key, checkpoints = self.key(), self.checkpoints()
        # Of two of the same length the later one, which has a tree.
        before = max(reversed(checkpoints), key=lambda each: each.seq, default=None)
        with self._database.read() as connection:
            if before is None or before.peaks is None:
                # The tree is grown from the first entry on.
                chain = Chain(checkpoints)
                log.follow(connection, chain, key.blinder())
                chain.end()
            else:
                chain = log.verify_since(connection, before, key.blinder())
        assert chain.tree is not None
        if before is not None and before.peaks is not None and before.seq == chain.seq:
            return before
        made = key.sign(chain.seq, chain.digest, self._clock(), chain.tree.peaks)
        anchor.append(self._anchor_path, made)
        return made

    def prove(self, seqs: Collection[int]) -> Excerpt:
        """
        Sign the log as it is, and return the entries with these numbers, with their proofs.

        Raises:
            AuditError: If the log is not what was signed before, or has no such entry.
        """
        made = self.checkpoint()
        with self._database.read() as connection:
            return prove(
                connection, seqs, checkpoint=made, key=self.key(), earlier=self.checkpoints()
            )

    def stop(self) -> None:
        """Sign a last time, and stop."""
        was_running = self.is_running
        super().stop()
        if was_running:
            self.run_once()

    def run_once(self) -> None:
        """Sign the log as it is; what prevents that is logged."""
        try:
            self.checkpoint()
        except AuditError as error:
            # Its words are ours, and name no more than the number of an entry.
            _log.error("audit.broken", error=str(error))
        except Exception as error:  # noqa: BLE001 - a disk that fails now may work later.
            _log.error("audit.checkpoint_failed", error=type(error).__name__)
