"""How OTLP becomes series: the options of Prometheus' ``otlp`` section, and the labels that a resource and its scope give."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from bongsu.ingest.otlp_names import NameStyle, label_value, labels_of

if TYPE_CHECKING:
    from bongsu.wire.otlp.values import AttributeValue, Resource, Scope

_IDENTIFYING = frozenset(("service.namespace", "service.name", "service.instance.id"))
_SCOPE_PREFIX = "otel_scope_"

Labels: TypeAlias = tuple[tuple[str, str], ...]
"""Labels in the order of their names."""


class Strategy(enum.Enum):
    """How names are translated: the values of Prometheus' ``translation_strategy``."""

    ESCAPED_WITH_SUFFIXES = "UnderscoreEscapingWithSuffixes"
    ESCAPED = "UnderscoreEscapingWithoutSuffixes"
    UTF8_WITH_SUFFIXES = "NoUTF8EscapingWithSuffixes"
    NONE = "NoTranslation"


class Origin(NamedTuple):
    """
    Labels that all points of one scope of one resource have.

    Attributes
    ----------
    weak
        Promoted attributes of the resource; an attribute of a point that has the same name wins.
    strong
        What names the scope, ``job`` and ``instance``: they win over everything.
    """

    weak: Labels = ()
    strong: Labels = ()


@dataclass(frozen=True, slots=True)
class Translation:
    """
    How OTLP metrics become series; names and meaning are those of Prometheus' ``otlp`` section.

    Attributes
    ----------
    promote_resource_attributes
        Attributes of the resource that become labels of all its series.
    promote_all_resource_attributes, ignore_resource_attributes
        All of them do, except the latter.
    keep_identifying_resource_attributes
        ``target_info`` has the attributes that make ``job`` and ``instance`` too.
    promote_scope_metadata
        Name, version, schema and attributes of the scope become labels ``otel_scope_...``.
    convert_histograms_to_nhcb
        Histograms with given bounds become native ones with these bounds.
    describes
        Series get labels of type and unit.
    """

    strategy: Strategy = Strategy.ESCAPED_WITH_SUFFIXES
    promote_resource_attributes: frozenset[str] = frozenset()
    promote_all_resource_attributes: bool = False
    ignore_resource_attributes: frozenset[str] = frozenset()
    keep_identifying_resource_attributes: bool = False
    promote_scope_metadata: bool = False
    convert_histograms_to_nhcb: bool = False
    label_name_underscore_sanitization: bool = True
    label_name_preserve_multiple_underscores: bool = True
    describes: bool = False

    @property
    def style(self) -> NameStyle:
        """How names are written."""
        return NameStyle(
            escaped=self.strategy in {Strategy.ESCAPED, Strategy.ESCAPED_WITH_SUFFIXES},
            suffixes=self.strategy in {Strategy.ESCAPED_WITH_SUFFIXES, Strategy.UTF8_WITH_SUFFIXES},
            key_prefix=self.label_name_underscore_sanitization,
            keep_runs=self.label_name_preserve_multiple_underscores,
        )

    def origin(self, resource: Resource, scope: Scope) -> Origin:
        """Return the labels that all points of a scope have."""
        strong = dict(identity_of(resource))
        if self.promote_scope_metadata:
            strong = {**self._scope_labels(scope), **strong}
        promoted = {key: value for key, value in resource.attributes.items() if self._promotes(key)}
        weak = labels_of(promoted, self.style) if promoted else {}
        return Origin(tuple(sorted(weak.items())), tuple(sorted(strong.items())))

    def info_labels(self, resource: Resource) -> dict[str, str]:
        """Return the labels of ``target_info`` beside ``job`` and ``instance``."""
        kept: dict[str, AttributeValue] = resource.attributes
        if not self.keep_identifying_resource_attributes:
            kept = {key: value for key, value in kept.items() if key not in _IDENTIFYING}
        return labels_of(kept, self.style)

    def joins(self, resource: Resource) -> bool:
        """Tell whether ``target_info`` says more of a resource than its identity."""
        return not _IDENTIFYING.issuperset(resource.attributes)

    def _promotes(self, key: str) -> bool:
        if self.promote_all_resource_attributes:
            return key not in self.ignore_resource_attributes
        return key in self.promote_resource_attributes

    def _scope_labels(self, scope: Scope) -> dict[str, str]:
        own = {"name": scope.name, "version": scope.version, "schema_url": scope.schema_url}
        texts = {**labels_of(scope.attributes, self.style), **{k: v for k, v in own.items() if v}}
        return {_SCOPE_PREFIX + name: value for name, value in texts.items()}


def identity_of(resource: Resource) -> Labels:
    """Return ``job`` and ``instance`` of a resource, as far as it names them."""
    attributes = resource.attributes
    namespace, service, instance = (
        label_value(attributes.get(key, ""))
        for key in ("service.namespace", "service.name", "service.instance.id")
    )
    job = f"{namespace}/{service}" if namespace and service else service
    return tuple((name, value) for name, value in (("instance", instance), ("job", job)) if value)
