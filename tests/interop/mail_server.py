"""A mail server for one test: STARTTLS and a password are required, and who is called nobody gets no mail.

Usage: mail_server.py FOLDER

It writes the certificate of its authority to FOLDER/ca.pem, then its port to FOLDER/port, and each mail, taken apart by
Python's own reader, to FOLDER/mail.json. It ends when its standard input does.
"""

import json
import socket
import ssl
import sys
from email import message_from_bytes, policy
from pathlib import Path

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

USER, PASSWORD = b"hclake", b"correct horse"


class Mailbox:
    def __init__(self, folder):
        self.folder = folder

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.content, policy=policy.default)
        text = lambda kind: mail.get_body((kind,)).get_content()
        taken = {
            "tls": session.ssl is not None,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": {name: str(mail[name]) for name in ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"]},
            "defects": [str(defect) for part in mail.walk() for defect in part.defects],
            "plain": text("plain"),
            "html": text("html"),
            "attachments": {part.get_filename(): part.get_content() for part in mail.iter_attachments()},
        }
        (self.folder / "mail.json").write_text(json.dumps(taken))
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=data == LoginPassword(USER, PASSWORD), handled=False)


def main(folder):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    required = {"require_starttls": True, "auth_required": True, "authenticator": authenticate}
    server = Controller(Mailbox(folder), hostname="127.0.0.1", port=port, tls_context=context, **required)
    server.start()
    (folder / "port.part").write_text(str(port))
    (folder / "port.part").rename(folder / "port")
    sys.stdin.read()
    server.stop()


main(Path(sys.argv[1]))
