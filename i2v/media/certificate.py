"""Certificates that sign content credentials: a user's own, or one made for trying things out.

A C2PA signer needs a leaf with the key usage digitalSignature and an extended key usage, issued by another
certificate (C2PA 2.2, section 14.5.1); what ``openssl req -x509`` makes by default is refused. What is wrong with a
certificate is said here, before the long work, in words of its owner. Needs the extra ``credentials``.
"""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INSTALL = 'content credentials need more packages: pip install "physim[credentials]".'
TEST_SIGNER = "physim test signer, vouched for by nobody"
MAX_PEM = 1_000_000
"""Longest certificate or key file that is read [bytes]."""
_NEVER = datetime.timedelta(days=3650)


class CredentialsError(ValueError):
    """A certificate, key, signature or file that cannot be used: what it is, what is needed, what to do."""


@dataclass(frozen=True)
class Signing:
    """What signs: PEM texts and the algorithm that fits the key."""

    chain: bytes
    """The leaf, then the certificates between it and its authority."""
    key: bytes
    """Private key of the leaf, PKCS 8."""
    algorithm: str
    """As C2PA names it: es256, es384, es512, ps256, ed25519."""
    signer: str
    """Common name of the leaf."""


@dataclass(frozen=True)
class TestCertificate:
    """A throw-away authority and a leaf that it issued."""

    chain: bytes
    key: bytes
    authority: bytes
    """Give this to ``i2v verify --trust`` to see the state "trusted"."""

    def signing(self) -> Signing:
        """For signing with it."""
        return Signing(self.chain, self.key, "es256", TEST_SIGNER)

    def save(self, folder: str | os.PathLike) -> list[Path]:
        """Write ``cert.pem``, ``key.pem`` (readable by its owner only) and ``authority.pem``.

        Raises:
            CredentialsError: One of them is there already; a key is never overwritten.
            OSError: The folder may not be written.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        files = {"cert.pem": self.chain, "key.pem": self.key, "authority.pem": self.authority}
        there = [name for name in files if (folder / name).exists()]
        if there:
            raise CredentialsError(f"{folder} has {', '.join(there)} already; choose another folder or remove them.")
        for name, text in files.items():
            handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if name == "key.pem" else 0o644)
            with os.fdopen(handle, "wb") as file:
                file.write(text)
        return [folder / name for name in files]


def make_test_certificate(signer: str = TEST_SIGNER) -> TestCertificate:
    """An authority and a leaf on the curve P-256, valid for ten years; new keys at every call.

    Raises:
        ImportError: The extra ``credentials`` is not installed.
    """
    x509, hashes, serialization, ec = _cryptography()
    usages = x509.oid.ExtendedKeyUsageOID.EMAIL_PROTECTION
    now = datetime.datetime.now(datetime.UTC)
    authority_key, leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority_name = _name(x509, "physim test authority")

    def builder(subject: Any, public_key: Any, *, authority: bool) -> Any:
        signs = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(authority_name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + _NEVER)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=not authority, key_cert_sign=authority, crl_sign=authority,
                    encipher_only=False, decipher_only=False, **signs,
                ),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
            )
        )  # fmt: skip

    authority = builder(authority_name, authority_key.public_key(), authority=True).sign(authority_key, hashes.SHA256())
    leaf = builder(_name(x509, signer), leaf_key.public_key(), authority=False).add_extension(
        x509.ExtendedKeyUsage([usages]), critical=False
    )
    pem = serialization.Encoding.PEM
    leaf_pem, authority_pem = (
        c.public_bytes(pem) for c in (leaf.sign(authority_key, hashes.SHA256()), authority)
    )  # fmt: skip
    key = leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return TestCertificate(leaf_pem + authority_pem, key, authority_pem)


def load_certificate(cert: str | os.PathLike, key: str | os.PathLike) -> Signing:
    """Read and check a certificate and its key.

    Raises:
        CredentialsError: No such file, no PEM, an encrypted or foreign key, an expired or unusable certificate.
        ImportError: The extra ``credentials`` is not installed.
    """
    x509, _, serialization, _ = _cryptography()
    chain, secret = _read(cert, "certificate"), _read(key, "private key")
    try:
        certificates = x509.load_pem_x509_certificates(chain)
    except ValueError as error:
        raise CredentialsError(f"{cert}: no certificate in PEM form ({_first_line(error)}).") from None
    try:
        private = serialization.load_pem_private_key(secret, None)
    except TypeError:
        raise CredentialsError(f"{key}: the private key is encrypted, expected one without a password.") from None
    except Exception as error:
        raise CredentialsError(f"{key}: no private key in PEM form ({_first_line(error)}).") from None
    leaf = certificates[0]
    if _public(serialization, private.public_key()) != _public(serialization, leaf.public_key()):
        raise CredentialsError(f"{key} is not the key of the first certificate in {cert}; the leaf comes first.")
    now = datetime.datetime.now(datetime.UTC)
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        start, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
        raise CredentialsError(f"{cert} is valid from {start:%Y-%m-%d} to {end:%Y-%m-%d}, which is not today.")
    text = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    names = leaf.subject.get_attributes_for_oid(x509.oid.NameOID.COMMON_NAME)
    signer = str(names[0].value) if names else leaf.subject.rfc4514_string()
    return Signing(chain, text, _algorithm(private, cert), signer)


def _algorithm(private: Any, cert: str | os.PathLike) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(private, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size >= 2048:
        return "ps256"
    curves = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name in curves:
        return curves[private.curve.name]
    text = "P-256, P-384, P-521, Ed25519, or RSA of at least 2048 bits"
    raise CredentialsError(f"{cert}: its key is of a kind that C2PA does not take, expected {text}.")


def _read(path: str | os.PathLike, what: str) -> bytes:
    path = Path(path)
    if not path.is_file():
        raise CredentialsError(f"{path}: no such file, expected a {what} in PEM form.")
    if path.stat().st_size > MAX_PEM:
        raise CredentialsError(f"{path} has {path.stat().st_size} bytes, expected a {what} of at most {MAX_PEM}.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise CredentialsError(f"{path} may not be read: {error.strerror}.") from None


def _public(serialization: Any, key: Any) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _name(x509: Any, common: str) -> Any:
    oid = x509.oid.NameOID
    return x509.Name([x509.NameAttribute(oid.ORGANIZATION_NAME, "physim"), x509.NameAttribute(oid.COMMON_NAME, common)])


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]


def _cryptography() -> tuple[Any, Any, Any, Any]:
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError:
        raise ImportError(INSTALL) from None
    return x509, hashes, serialization, ec
