"""The only room that speaks to Prometheus: questions in, samples out.

- `Gatherer.gather(question, state, at)`: everything that a question needs, asked for one moment.
- `Bounds`: what a query may cost.
- `check_address`: which addresses a rollout may name.
- `PrometheusError`: what can go wrong, as a tree (see `errors`).
"""

from modelrollout.metrics.addresses import check_address
from modelrollout.metrics.errors import PrometheusError
from modelrollout.metrics.gather import Gatherer
from modelrollout.metrics.prometheus import Bounds

__all__ = ["Bounds", "Gatherer", "PrometheusError", "check_address"]
