"""The log signer, which signs the log at intervals and adds the checkpoints to the anchor file."""

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
    """Signs checkpoints and adds them to the anchor file; creates the signing key if needed."""

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
            MalformedError: If its file does not hold a key, or cannot be read.
        """
        return SigningKey.at(self._key_path)

    def checkpoints(self) -> list[Checkpoint]:
        """
        Return all checkpoints of the anchor file.

        Raises:
            AuditError: If a line is not a checkpoint, or a signature is wrong.
        """
        return anchor.read(self._anchor_path, self.key().public())

    def verify(self) -> int:
        """
        Return how many entries the log has, after checking all of them and the anchor file.

        Raises:
            AuditError: If the log or the anchor file is wrong; the message says where.
        """
        checkpoints = self.checkpoints()
        with self._database.read() as connection:
            return log.verify(connection, checkpoints, self.key().blinder())

    def checkpoint(self) -> Checkpoint:
        """
        Sign the log as it is and return the checkpoint; return the last one if nothing is new.

        Raises:
            AuditError: If the log is not what was signed before. It is then not signed again.
        """
        key, checkpoints = self.key(), self.checkpoints()
        # If two checkpoints cover the same entries, `max` returns the first that it sees. Because
        # of `reversed` this is the later one, which has a tree.
        before = max(reversed(checkpoints), key=lambda each: each.seq, default=None)
        with self._database.read() as connection:
            if before is None or before.peaks is None:
                # There is no tree to continue, so read the log from its first entry.
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
        Sign the log as it is, and return the entries with these numbers and their proofs.

        Raises:
            AuditError: If the log is not what was signed before, or has no such entry.
        """
        made = self.checkpoint()
        with self._database.read() as connection:
            return prove(
                connection, seqs, checkpoint=made, key=self.key(), earlier=self.checkpoints()
            )

    def stop(self) -> None:
        """Stop, and sign one last time."""
        was_running = self.is_running
        super().stop()
        if was_running:
            self.run_once()

    def run_once(self) -> None:
        """Sign the log as it is; log an error if that fails."""
        try:
            self.checkpoint()
        except AuditError as error:
            # The message is our own, and names nothing private: at most an entry's number.
            _log.error("audit.broken", error=str(error))
        except Exception as error:  # noqa: BLE001 - a disk that fails now may work later.
            _log.error("audit.checkpoint_failed", error=type(error).__name__)
