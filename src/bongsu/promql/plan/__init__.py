"""From a syntax tree to what is executed: rewrites, one file each, and how a plan is shown."""

from __future__ import annotations

from bongsu.promql.plan.explain import explain
from bongsu.promql.plan.planner import make_plan
from bongsu.promql.plan.trace import PlanStep, StepCost, Trace

__all__ = ["PlanStep", "StepCost", "Trace", "explain", "make_plan"]
