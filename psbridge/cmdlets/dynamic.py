"""Dynamic parameters: declared in Python while PowerShell binds. To be imported with the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import clr
import System
from System import Array, Object, String
from System.Collections.ObjectModel import Collection
from System.Management.Automation import (
    AliasAttribute,
    LanguagePrimitives,
    ParameterAttribute,
    RuntimeDefinedParameter,
    RuntimeDefinedParameterDictionary,
    ValidateNotNullOrEmptyAttribute,
    ValidateSetAttribute,
)

from ..values import from_net
from .cmdlet import Cmdlet
from .declaration import DeclaredParameter, declare_parameter

__all__ = ["dynamic_values", "runtime_parameters"]


def runtime_parameters(
    cls: type[Cmdlet], annotations: Mapping[str, Any]
) -> tuple[Any, list[DeclaredParameter]]:
    """Make PowerShell's dictionary of dynamic parameters, and what is declared in it.

    Args:
        cls: the cmdlet, for errors.
        annotations: what its `dynamic_parameters` gave.

    Raises:
        DeclarationError: one of them is no parameter.
    """
    found = RuntimeDefinedParameterDictionary()
    declared = []
    for attribute, hint in annotations.items():
        parameter = declare_parameter(cls, attribute, hint)
        found.Add(parameter.name, _runtime_parameter(parameter))
        declared.append(parameter)
    return found, declared


def dynamic_values(declared: list[DeclaredParameter], net: Any) -> dict[str, Any]:
    """Dynamic parameters as Python values by attribute; None for those that were not given."""
    values: dict[str, Any] = {}
    for parameter in declared:
        runtime = net.DynamicParameters[parameter.name]
        if runtime.IsSet:
            given = from_net(runtime.Value)
            values[parameter.attribute] = (
                None if given is None else parameter.kind.convert(given, net)
            )
        else:
            values[parameter.attribute] = None
    return values


def _runtime_parameter(parameter: DeclaredParameter) -> Any:
    attributes = Collection[System.Attribute]()
    for settings in parameter.in_sets:
        for name in settings.parameter_sets or ("__AllParameterSets",):
            attribute = ParameterAttribute()
            attribute.ParameterSetName = name
            attribute.Mandatory = settings.mandatory
            attribute.ValueFromPipeline = settings.from_pipeline
            attribute.ValueFromPipelineByPropertyName = settings.from_pipeline_by_property_name
            attribute.DontShow = settings.hidden
            if settings.position is not None:
                attribute.Position = settings.position
            attributes.Add(attribute)
    settings = parameter.settings
    if settings.alias:
        attributes.Add(AliasAttribute(Array[String](list(settings.alias))))
    if parameter.choices:
        attributes.Add(ValidateSetAttribute(Array[String](list(parameter.choices))))
    if settings.not_empty:
        attributes.Add(ValidateNotNullOrEmptyAttribute())
    return RuntimeDefinedParameter(parameter.name, _net_type(parameter.net_type), attributes)


def _net_type(name: str) -> Any:
    """The .NET type of a name in C#, which PowerShell understands."""
    name = name.removeprefix("global::")
    converted = LanguagePrimitives.ConvertTo(name, clr.GetClrType(System.Type))
    return converted if converted is not None else clr.GetClrType(Object)
