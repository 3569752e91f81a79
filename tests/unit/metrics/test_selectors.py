"""A selector is read into its parts and written anew, so nothing in it reaches beyond what it is bound to."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrollout.metrics.errors import BadQuery
from modelrollout.metrics.selectors import Matcher, escaped, parse_selector, quoted

BOUND = (Matcher("namespace", "=", "risk"), Matcher("pod", "=~", "a|b"))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("http_requests_total", "http_requests_total{}"),
        ("up{}", "up{}"),
        ("vllm:tokens_total{ a = 'x' , b!~\"y\", }", 'vllm:tokens_total{a="x",b!~"y"}'),
        (r'm{a="say \"no\" \\ }{"}', r'm{a="say \"no\" \\ }{"}'),
        (r"m{a='it\'s \u00e9'}", 'm{a="it\'s é"}'),
        ('m{a="# no comment",b="tab\\t"}', 'm{a="# no comment",b="tab\\U00000009"}'),
    ],
)
def test_a_bare_selector_is_read_and_written_anew(text, written):
    assert str(parse_selector(text)) == written


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{__name__=~'.+'}",
        "m{__name__='other'}",
        "rate(m[5m])",
        "m[5m]",
        "m offset 5m",
        "m or other",
        "m{a='1'} or other{}",
        "m{a='1'}{b='2'}",
        "m{a='1'",
        "m{a='1' b='2'}",
        "m{a='1',,b='2'}",
        "m{,}",
        "m{a=1}",
        "m{a=`raw`}",
        "m{'quoted'='1'}",
        'm{a="1}',
        'm{a="1\n"}',
        "m{a='\\q'}",
        "m{a='\\x4'}",
        "m{a='\\xff'}",
        "m{a='\\ud800'}",
        "m{a==1}",
        "m @ 5",
        "m # comment",
        "m} or other{",
        "by",
        "é{a='1'}",
    ],
)
def test_anything_else_is_refused_with_the_place_where_it_goes_wrong(text):
    with pytest.raises(BadQuery) as error:
        parse_selector(text)
    assert len(str(error.value)) > 20


@pytest.mark.parametrize("label", ["namespace", "pod"])
@pytest.mark.parametrize("operator", ["=", "!=", "=~", "!~"])
def test_a_matcher_on_a_label_it_is_bound_by_is_refused(label, operator):
    with pytest.raises(BadQuery, match="leave that matcher out"):
        parse_selector(f'm{{{label}{operator}"other"}}').bound(BOUND)


@given(st.text(max_size=30))
def test_whatever_the_text_a_bound_selector_ends_in_our_matchers_or_is_none(text):
    for form in (text, f"m{{a={text}}}", f'm{{a="{text}"}}', f"m{{a='{text}'}}", f'm{{a="1",{text}}}', f"m{text}"):
        try:
            selector = parse_selector(form)
            bound = selector.bound(BOUND)
        except BadQuery:
            continue
        assert str(bound).endswith('namespace="risk",pod=~"a|b"}')
        assert parse_selector(str(bound)) == bound
        assert str(bound).count("namespace=") >= 1


@given(st.text(max_size=20))
def test_a_quoted_text_is_read_back_as_itself(text):
    if not any(0xD800 <= ord(sign) <= 0xDFFF for sign in text):
        assert parse_selector(f"m{{a={quoted(text)}}}").matchers[0].value == text


@given(st.text(max_size=20), st.text(max_size=20))
def test_an_escaped_text_matches_itself_and_nothing_else(text, other):
    assert re.fullmatch(escaped(text), text)
    assert bool(re.fullmatch(escaped(text), other)) == (text == other)
