"""Promises of dev.pki: certificates that clients accept, keys that only their owner reads."""

import base64
import json
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dev.pki import Authority, write_kubeconfig


def test_a_certificate_names_its_user_groups_and_hosts_and_comes_from_the_authority() -> None:
    authority = Authority()
    pair = authority.issue("system:node:node", ("system:nodes",), hosts=("10.210.0.2", "node"))
    certificate = x509.load_pem_x509_certificate(pair.certificate)
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.pair.certificate))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "system:node:node"
    assert certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "system:nodes"
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["10.210.0.2"]
    assert names.get_values_for_type(x509.DNSName) == ["node"]


def test_a_client_cannot_pose_as_a_server() -> None:
    certificate = x509.load_pem_x509_certificate(Authority().issue("somebody").certificate)
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_a_kubeconfig_is_whole_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    authority = Authority()
    path = tmp_path / "kubeconfig"
    client = authority.issue("somebody")
    write_kubeconfig(path, "one", "https://127.0.0.1:6443", authority.pair.certificate, client)
    content = json.loads(path.read_text())
    assert path.stat().st_mode & 0o777 == 0o600
    assert content["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:6443"
    assert base64.b64decode(content["users"][0]["user"]["client-key-data"]) == client.key
