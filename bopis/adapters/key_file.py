"""The key of the pickup codes, in a file of the data folder."""

import os
import secrets
from pathlib import Path
from typing import Final

from bopis.domain.errors import NotServing

KEY_BYTES: Final = 32


def load_or_create_key(path: Path) -> bytes:
    """Reads the key; makes it (mode 0600, flushed with its folder) where there is none.

    Raises NotServing if the file is not a key: a lost key would make every code out there wrong.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = path.read_bytes()
        if len(key) != KEY_BYTES:
            raise NotServing(f"{path.name} is not a key of {KEY_BYTES} bytes") from None
        return key
    key = secrets.token_bytes(KEY_BYTES)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return key
