"""HotWax Commerce's order routing as sections of a policy file.

HotWax tries rules one after the other, each for a batch of orders; here every node that some rule
would try is weighed at once, by cost. So a hard rule comes of what *every* active rule forbids, and
what only steers the order of trying is the cost card's.

Names of fields and enumerations: github.com/hotwax/order-routing, docs.hotwax.co (order routing).
"""

from bopis.adapters.hotwax.mapping import Imported, import_group
from bopis.adapters.hotwax.routing import Fate, Note, RoutingGroup, read_group

__all__ = ["Fate", "Imported", "Note", "RoutingGroup", "import_group", "read_group"]
