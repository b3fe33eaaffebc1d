"""What the API reference shows, as a griffe extension: every object once, under its public name."""

from __future__ import annotations

import re

import griffe

ROLE = re.compile(r':(?:func|class|mod|meth|data|attr|exc):`~?([^`]+)`')


class ReferenceObjects(griffe.Extension):
    """Objects that a package exports are shown there, not again in the module that defines them."""

    def on_package(self, *, pkg: griffe.Module, **_) -> None:
        """Hide what is shown elsewhere, then modules with nothing left to show."""
        modules = list(_modules(pkg))  # packages before those inside them
        shown = set()
        for module in modules:
            for name in module.exports or ():
                member = module.members.get(str(name))
                if member is not None and member.is_alias:
                    target = member.final_target
                    member.public = target.path not in shown
                    target.public = False
                    shown.add(target.path)
        for module in reversed(modules):
            if not any(_shown(member) for member in module.members.values()):
                module.public = False

    def on_object(self, *, obj: griffe.Object, **_) -> None:
        """Turn the reStructuredText of docstrings, roles and ``::``, into Markdown."""
        if obj.docstring is not None:
            text = ROLE.sub(r'`\1`', obj.docstring.value)
            obj.docstring.value = text.replace('::\n', ':\n')


def _shown(member) -> bool:
    return bool(member.public) if member.is_alias else member.is_public


def _modules(module: griffe.Module):
    yield module
    for member in module.members.values():
        if not member.is_alias and member.is_module:
            yield from _modules(member)
