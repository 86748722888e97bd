"""Hypothesis strategies for exposition families."""

from __future__ import annotations

from hypothesis import strategies as st

from bongsu.model.labels import METRIC_NAME
from bongsu.model.samples import MetricMetadata
from bongsu.wire.exposition.body import ParsedExemplar
from bongsu.wire.exposition.format import ExposedSample, Family

texts = st.text(st.characters(codec="utf-8"), max_size=12)
names = st.one_of(
    st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,8}", fullmatch=True), texts.filter(lambda text: text != "")
)
label_names = st.one_of(st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True), names).filter(
    lambda name: name != METRIC_NAME
)
label_sets = st.dictionaries(label_names, texts, max_size=4).map(lambda labels: tuple(labels.items()))
timestamps = st.one_of(st.none(), st.integers(-(10**12), 10**13))
values = st.floats(allow_nan=False)
exemplars = st.builds(ParsedExemplar, label_sets, values, timestamps)


@st.composite
def exposed_samples(draw: st.DrawFn, *, with_exemplars: bool) -> ExposedSample:
    """Draw one sample of any series."""
    labels = ((METRIC_NAME, draw(names)), *draw(label_sets))
    exemplar = draw(st.one_of(st.none(), exemplars)) if with_exemplars else None
    return ExposedSample(labels, draw(values), draw(timestamps), exemplar)


@st.composite
def expositions(draw: st.DrawFn, *, openmetrics: bool) -> list[Family]:
    """Draw families with distinct names and types that the format has."""
    types = ["counter", "gauge", "histogram", "summary", "unknown"]
    types += ["info", "stateset", "gaugehistogram"] if openmetrics else []
    families = []
    for name in draw(st.lists(names, max_size=4, unique=True)):
        samples = draw(st.lists(exposed_samples(with_exemplars=openmetrics), max_size=4))
        families.append(Family(MetricMetadata(name, draw(st.sampled_from(types)), draw(texts)), samples))
    return families
