"""Names that lead back to a patient only with a key, which stays beside the manifest."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import replacing
from ricenet_v2.core.regular import opened

KEY_NAME = "pseudonym.key"
_BYTES, _DIGITS = 32, 12


@dataclass(frozen=True)
class Pseudonyms:
    """HMAC-SHA-256 of what identifies.

    Attributes:
        key: Secret.
    """

    key: bytes = field(repr=False)

    def of(self, letter: str, *parts: str) -> str:
        """A short name that begins with a letter, the same for the same parts."""
        return letter + self.digest("\0".join(parts).encode("utf-8", "surrogateescape"))[:_DIGITS]

    def digest(self, content: bytes) -> str:
        """Hexadecimal, of all digits."""
        return hmac.new(self.key, content, hashlib.sha256).hexdigest()


def pseudonyms_of(work: Path, *, keep: bool = True) -> Pseudonyms:
    """Pseudonyms by a folder's key, which is created if there is none.

    Args:
        work: Folder of the manifest.
        keep: Whether a new key is written, for its owner alone; else it is forgotten.

    Raises:
        DatasetError: The key cannot be read, or is damaged.
    """
    path = work / KEY_NAME
    if keep and not path.exists():
        _write(path, secrets.token_hex(_BYTES))
    if not path.exists():
        return Pseudonyms(secrets.token_bytes(_BYTES))
    try:
        with opened(path) as stream:
            key = bytes.fromhex(stream.read().decode("ascii").strip())
    except (OSError, ValueError):
        key = b""
    if len(key) != _BYTES:
        raise DatasetError(
            "The key of the case ids cannot be read, or is damaged.",
            file=path.name,
            expected=f"{2 * _BYTES} hexadecimal digits",
            remedy="Put it back from a copy. With another key all cases get other ids: for that, "
            "delete it and convert into a new folder.",
        )
    return Pseudonyms(key)


def _write(path: Path, text: str) -> None:
    with replacing(path, is_private=True) as temporary:
        temporary.write_text(text + "\n", encoding="ascii")
