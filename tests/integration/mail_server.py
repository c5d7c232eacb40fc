"""A real mail server (exim4) with a private configuration: STARTTLS, TLS from the first byte, logging in, one mailbox for all."""
import email
import email.policy
import os
import pathlib
import shutil
import socket
import tempfile

import pytest

from harness import Process, free_port, wait_until
from http_peers import certificate

EXIM = shutil.which("exim4") or "/usr/sbin/exim4"
USER, PASSWORD = "ann", "pa ss:w0rd"

CONFIG = """\
primary_hostname = mail.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port} : {tls_port}
tls_on_connect_ports = {tls_port}
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
pid_file_path = {folder}/exim.pid
tls_advertise_hosts = {starttls}
tls_certificate = {cert}
tls_privatekey = {key}
auth_advertise_hosts = ${{if def:tls_in_cipher{{*}}{{}}}}
acl_smtp_rcpt = check_rcpt
acl_smtp_data = check_data
host_lookup =
rfc1413_query_timeout = 0s
deliver_drop_privilege = true
exim_user = {user}
exim_group = {group}
smtp_banner = mail.test ready
message_size_limit = 2M

begin acl
check_rcpt:
  deny message = 530 5.7.0 Authentication required
       !authenticated = *
  deny message = no such user here
       local_parts = nobody : noone
  defer message = 451 4.2.1 the mailbox rests; come back
       local_parts = later
       condition = ${{if exists{{{folder}/rests}}}}
  accept
check_data:
  deny message = this one smells
       condition = ${{if match{{$h_subject:}}{{SPAM}}}}
  accept

begin routers
all:
  driver = accept
  transport = box

begin transports
box:
  driver = appendfile
  directory = {folder}/box
  maildir_format
  envelope_to_add
  return_path_add
  user = {user}
  group = {group}

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{name}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
"""


class Mail:
    """One as it lies in the mailbox."""

    def __init__(self, raw):
        self.raw = raw
        self.message = email.message_from_bytes(raw, policy=email.policy.default)
        self.envelope_to = self.message["Envelope-to"]
        self.subject = self.message["Subject"]
        self.text = self.message.get_content()


class MailServer(Process):
    """Lives in a folder of its own, for exim gives its privileges away, and pytest's folders are closed to all others."""

    def __init__(self, starttls=True):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="pulseline-mail-"))
        folder.chmod(0o755)
        super().__init__(folder, "exim")
        self.port, self.tls_port = free_port(), free_port()
        self.cert, key = certificate(self.folder)
        user, group = ("Debian-exim", "Debian-exim")
        for name in ("spool", "box"):
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "exim.conf").write_text(CONFIG.format(
            folder=self.folder, port=self.port, tls_port=self.tls_port, cert=self.cert, key=key, user=user, group=group,
            name=USER, password=PASSWORD.replace(":", "\\:"), starttls="*" if starttls else ""))
        for path in [self.folder, *self.folder.rglob("*")]:
            shutil.chown(path, user, group)
        os.chown(self.folder / "exim.conf", 0, 0)

    def end(self, *how):
        status = super().end(*how)
        shutil.rmtree(self.folder, ignore_errors=True)
        return status

    def start(self):
        self.spawn([EXIM, "-C", self.folder / "exim.conf", "-bdf"])
        wait_until(lambda: b"220" in greeting(self.port), f"exim answers: {self.log()}\n{self.logs()}")
        return self

    def logs(self):
        return "".join(p.read_text(errors="replace") for p in self.folder.glob("*log") if p != self.log_path)

    def mails(self):
        return [Mail(p.read_bytes()) for p in sorted((self.folder / "box").glob("new/*"))]

    def wait_for(self, n):
        return wait_until(lambda: len(self.mails()) >= n and self.mails(), f"{n} mails: {self.logs()}")

    def rest(self, rests):
        """While the mailbox of `later` rests its mail is put off."""
        path = self.folder / "rests"
        path.touch() if rests else path.unlink()


def greeting(port):
    with socket.create_connection(("127.0.0.1", port), 5) as s:
        return s.recv(1000)


def mail_server(**more):
    if not pathlib.Path(EXIM).exists():
        pytest.skip("no exim4 here: mail goes untested")
    if os.getuid() != 0:
        pytest.skip("exim4 can be started by root only: mail goes untested")
    return MailServer(**more).start()
