"""Values that are compared but not kept: a keyed hash instead of them."""

import hashlib

_BYTES = 12
_SPAN = float(1 << 53)


class Hasher:
    """A keyed hash. Who has not the key cannot find a user by trying names.

    The same value hashes differently in different scopes, so that nothing can be joined across rollouts.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key[:64]

    def digest(self, scope: str, text: str) -> str:
        """24 hexadecimal digits."""
        return self._hash(scope, text, _BYTES).hex()

    def chance(self, scope: str, text: str) -> float:
        """A number in [0, 1), evenly spread over texts, the same for the same text: who decides by it decides alike."""
        return (int.from_bytes(self._hash(scope, text, 8)) >> 11) / _SPAN

    def _hash(self, scope: str, text: str, size: int) -> bytes:
        made = hashlib.blake2b(key=self._key, digest_size=size)
        made.update(scope.encode(errors="surrogatepass"))
        made.update(b"\0")
        made.update(text.encode(errors="surrogatepass"))
        return made.digest()
