"""Distributions of the next value: their loss, and draws from them."""

from tidegate.tasks.forecast.distributions.distribution import Distribution
from tidegate.tasks.forecast.distributions.draws import shares
from tidegate.tasks.forecast.distributions.gaussian import Gaussian
from tidegate.tasks.forecast.distributions.negative_binomial import NegativeBinomial
from tidegate.tasks.forecast.distributions.quantiles import Quantiles
from tidegate.tasks.forecast.distributions.student_t import StudentT

__all__ = ["DISTRIBUTIONS", "Distribution", "Gaussian", "NegativeBinomial", "Quantiles", "StudentT", "shares"]

DISTRIBUTIONS: dict[str, type[Distribution]] = {
    "gaussian": Gaussian,
    "student_t": StudentT,
    "negative_binomial": NegativeBinomial,
    "quantiles": Quantiles,
}
