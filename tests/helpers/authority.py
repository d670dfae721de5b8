"""A time stamp authority (RFC 3161) made with the `openssl` program."""

import shutil
import subprocess
from pathlib import Path

_CONFIG = """\
[tsa]
serial = serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[extensions]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
authorityKeyIdentifier = keyid
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[distinguished]
[req]
distinguished_name = distinguished
"""

MISSING = shutil.which("openssl") is None
WHY = "NOT TESTED: without the program `openssl` there is no time stamp authority."


class Authority:
    """Answers requests for time stamps. `roots` has the PEM certificates to verify them with."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        (folder / "config").write_text(_CONFIG)
        (folder / "serial").write_text("01\n")
        new = "req -config config -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        self._run(
            f"{new} -x509 -extensions root -days 3650 -subj /CN=root -keyout root.key -out root.pem"
        )
        self._run(f"{new} -subj /CN=authority -keyout tsa.key -out tsa.csr")
        self._run(
            "x509 -req -in tsa.csr -CA root.pem -CAkey root.key -CAcreateserial -days 3650 "
            "-extfile config -extensions extensions -out tsa.pem"
        )
        self.roots = (folder / "root.pem").read_bytes()

    def post(self, request: bytes) -> bytes:
        """Return the answer to a time-stamp request."""
        (self._folder / "query").write_bytes(request)
        self._run(
            "ts -reply -config config -section tsa -queryfile query -signer tsa.pem "
            "-inkey tsa.key -out answer"
        )
        return (self._folder / "answer").read_bytes()

    def _run(self, arguments: str) -> None:
        subprocess.run(
            ["openssl", *arguments.split()], cwd=self._folder, check=True, capture_output=True
        )
