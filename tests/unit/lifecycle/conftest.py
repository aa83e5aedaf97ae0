from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bopis.testing.counter import Counter
from bopis.testing.shop import Shop, open_shop, stock_shop


@pytest_asyncio.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    opened = await open_shop(tmp_path)
    await stock_shop(opened)
    yield opened
    opened.close()


@pytest.fixture
def counter(shop: Shop) -> Counter:
    return Counter(shop)
