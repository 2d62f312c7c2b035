"""An LDAP directory: Debian's ``slapd`` as a process on the loopback interface."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.live import free_port
from tests.saml_provider import make_key

SLAPD = shutil.which("slapd") or shutil.which("slapd", path="/usr/sbin:/usr/libexec")
SLAPADD = shutil.which("slapadd") or shutil.which("slapadd", path="/usr/sbin")
BASE, PEOPLE = "dc=example,dc=com", "ou=people,dc=example,dc=com"
READER, READER_PASSWORD = "cn=reader,dc=example,dc=com", "reads"
PASSWORD = "of the directory"
START_SECONDS = 10

_CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile {directory}/slapd.pid
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
database mdb
suffix "dc=example,dc=com"
directory {directory}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=reader,dc=example,dc=com" read by self read by * none
overlay memberof
"""

_ENTRIES = f"""
dn: {BASE}
objectClass: domain
dc: example

dn: {PEOPLE}
objectClass: organizationalUnit
ou: people

dn: {READER}
objectClass: person
cn: reader
sn: reader
userPassword: {READER_PASSWORD}

dn: uid=ada,{PEOPLE}
objectClass: inetOrgPerson
uid: ada
cn: Ada Lovelace
givenName: Ada
sn: Lovelace
mail: ada@example.com
employeeNumber: 17
userPassword: {PASSWORD}
memberOf: cn=staff,{BASE}

dn: uid=bob,{PEOPLE}
objectClass: inetOrgPerson
uid: bob
cn: Bob
sn: Bob
mail: bob@example.com
userPassword: other

dn: uid=nomail,{PEOPLE}
objectClass: inetOrgPerson
uid: nomail
cn: No Mail
sn: Mail
userPassword: {PASSWORD}

dn: cn=staff,{BASE}
objectClass: groupOfNames
cn: staff
member: uid=ada,{PEOPLE}
"""


@dataclass(frozen=True, slots=True)
class Directory:
    url: str
    tls_url: str
    certificate_path: Path


@contextmanager
def start_directory(directory: Path) -> Iterator[Directory]:
    """Raises AssertionError when it does not start."""
    assert SLAPD is not None
    assert SLAPADD is not None
    key, certificate = make_key(directory, "localhost")
    (directory / "data").mkdir()
    configuration = directory / "slapd.conf"
    configuration.write_text(
        _CONFIGURATION.format(directory=directory, certificate=certificate, key=key)
    )
    entries = directory / "entries.ldif"
    entries.write_text(_ENTRIES)
    subprocess.run([SLAPADD, "-f", configuration, "-l", entries], check=True)
    plain, tls = free_port(), free_port()
    addresses = f"ldap://127.0.0.1:{plain}/ ldaps://127.0.0.1:{tls}/"
    process = subprocess.Popen(
        [SLAPD, "-d", "0", "-f", configuration, "-h", addresses], stderr=subprocess.DEVNULL
    )
    try:
        _wait(process, plain)
        yield Directory(f"ldap://127.0.0.1:{plain}", f"ldaps://localhost:{tls}", certificate)
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, "slapd did not start"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "slapd does not listen"
            time.sleep(0.05)
