"""A mail server that keeps what it is sent: as much of SMTP as Django's client speaks.

``python -m tests.mail_sink`` prints ``{"port": N}``.
"""

import json
import re
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy


class MailSink(socketserver.ThreadingTCPServer):
    """``mails`` are (recipient, text) in the order of their arrival."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.mails: list[tuple[str, str]] = []
        self.arrived = threading.Condition()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def wait_for(self, recipient: str, pattern: str, seconds: float = 20) -> "re.Match[str]":
        """What ``pattern`` finds in the newest mail to ``recipient`` that has it."""

        def find() -> "re.Match[str] | None":
            texts = [text for to, text in reversed(self.mails) if to == recipient]
            return next((found for text in texts if (found := re.search(pattern, text))), None)

        with self.arrived:
            found = self.arrived.wait_for(find, seconds)
        assert found, f"no mail to {recipient} with {pattern}"
        return found


class _Session(socketserver.StreamRequestHandler):
    server: MailSink

    def handle(self) -> None:
        recipient, answer = "", b"220 sink"
        while True:
            self.wfile.write(answer + b"\r\n")
            line = self.rfile.readline()
            verb = line[:4].upper()
            if not line or verb == b"QUIT":
                return
            if verb == b"RCPT":
                recipient = line.decode().partition("<")[2].partition(">")[0]
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                self._keep(recipient)
            answer = b"250 sink" if verb == b"EHLO" else b"250 done"

    def _keep(self, recipient: str) -> None:
        lines = iter(self.rfile.readline, b".\r\n")
        mail = message_from_bytes(b"".join(lines), policy=policy.default)
        body = mail.get_body(("plain",))
        assert body is not None
        with self.server.arrived:
            self.server.mails.append((recipient, body.get_content()))
            self.server.arrived.notify_all()


@contextmanager
def mail_sink() -> Iterator[MailSink]:
    with MailSink() as sink:
        threading.Thread(target=sink.serve_forever, daemon=True).start()
        yield sink
        sink.shutdown()


def main() -> None:
    with MailSink() as sink:
        sys.stdout.write(json.dumps({"port": sink.port}) + "\n")
        sys.stdout.flush()
        sink.serve_forever()


if __name__ == "__main__":
    main()
