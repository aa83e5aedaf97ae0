"""The replay check: a fresh process decides the whole journal again."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from bopis.demo.server_process import DemoError, bopis_command

VERIFY_WITHIN_S = 300.0


async def verified_hash(folder: Path) -> str:
    """The state hash that `bopis verify` finds. Raises DemoError if the journal does not agree with
    itself.
    """
    process = await asyncio.create_subprocess_exec(
        *bopis_command("verify", str(folder), "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(VERIFY_WITHIN_S):
            output, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise DemoError(f"verify did not end within {VERIFY_WITHIN_S:g} s") from None
    if process.returncode != 0:
        raise DemoError(f"verify found a difference: {errors.decode()[-2000:]}")
    return str(json.loads(output)["state_hash"])
