"""Who may open the control room in a browser."""

from __future__ import annotations

import pytest

from controlroom.adapters.browser.access import COOKIE, Access, Refused, Request

TOKEN = "0123456789abcdef"


def request(host: str = "127.0.0.1:8000", *, origin: str = "", **headers: str) -> Request:
    return Request({"host": host, **({"origin": origin} if origin else {}), **headers})


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "", "localhost.evil.example", "10.0.0.7"])
def test_without_a_token_only_this_host_is_answered(host: str) -> None:
    assert not Access().check(request())
    with pytest.raises(Refused, match="not the server's name"):
        Access().check(request(host))


def test_a_token_is_taken_from_the_address_the_cookie_or_the_header() -> None:
    access = Access(TOKEN)
    headers = {"host": "plant.example:8000"}
    assert access.check(Request(headers, query={"token": TOKEN}))
    assert not access.check(Request(headers, {COOKIE: access.cookie}))
    assert not access.check(Request(headers | {"authorization": f"Bearer {TOKEN}"}))
    for wrong in (
        Request(headers),
        Request(headers, query={"token": TOKEN[:-1]}),
        Request(headers, query={"token": "ü"}),
        Request(headers, {COOKIE: TOKEN}),
        Request(headers, {COOKIE: ""}),
        Request(headers | {"authorization": "Bearer "}),
    ):
        with pytest.raises(Refused, match="a token is needed") as refused:
            access.check(wrong)
        assert refused.value.status == 401


@pytest.mark.parametrize("origin", ["", "null", "http://evil.example", "http://127.0.0.1:9000"])
def test_a_session_is_opened_by_our_own_page_alone(origin: str) -> None:
    Access().check_origin(request(origin="http://127.0.0.1:8000"))
    with pytest.raises(Refused, match="page of another server"):
        Access().check_origin(request(origin=origin))


def test_behind_a_proxy_its_name_counts_and_who_has_signed_in() -> None:
    access = Access("", "https://plant.example", "X-Forwarded-User")
    signed_in = request("plant.example", origin="https://plant.example", **{"x-forwarded-user": "mira"})
    assert not access.check(signed_in)
    access.check_origin(signed_in)
    assert access.user(signed_in) == "mira"
    with pytest.raises(Refused, match="names nobody"):
        access.check(request("plant.example"))
    with pytest.raises(Refused, match="names nobody"):
        access.check(request("plant.example", **{"x-forwarded-user": "--dsn=evil"}))
    with pytest.raises(Refused, match="not the server's name"):
        access.check(request("evil.example", **{"x-forwarded-user": "mira"}))
    with pytest.raises(Refused, match="page of another server"):
        access.check_origin(request("plant.example", origin="https://evil.example"))
