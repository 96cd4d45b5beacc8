"""The node types the walk knows; code with any other never runs.

Syntax that a new Python version adds is refused until it is listed here.
Source: the ``ast`` module's abstract grammar.
"""

from __future__ import annotations

import ast

_NAMES = """
Module Interactive Expression FunctionDef AsyncFunctionDef ClassDef Return Delete Assign TypeAlias
AugAssign AnnAssign For AsyncFor While If With AsyncWith Match Raise Try TryStar Assert Import
ImportFrom Global Nonlocal Expr Pass Break Continue BoolOp NamedExpr BinOp UnaryOp Lambda IfExp
Dict Set ListComp SetComp DictComp GeneratorExp Await Yield YieldFrom Compare Call FormattedValue
JoinedStr Constant Attribute Subscript Starred Name List Tuple Slice Load Store Del And Or Add Sub
Mult MatMult Div Mod Pow LShift RShift BitOr BitXor BitAnd FloorDiv Invert Not UAdd USub Eq NotEq
Lt LtE Gt GtE Is IsNot In NotIn comprehension ExceptHandler arguments arg keyword alias withitem
match_case MatchValue MatchSingleton MatchSequence MatchMapping MatchClass MatchStar MatchAs
MatchOr TypeIgnore TypeVar ParamSpec TypeVarTuple
""".split()

KNOWN_SYNTAX = frozenset(getattr(ast, name) for name in _NAMES if hasattr(ast, name))
