"""The markers of tests/conftest.py skip and fail when they say so."""

import pytest

pytest_plugins = ["pytester"]
SETTINGS = """
    [pytest]
    asyncio_default_fixture_loop_scope = function
    markers =
        needs_data: what it says
        needs_services: what it says
"""
SUITE = """
    import pytest

    @pytest.mark.needs_data
    def test_with_data():
        pass

    @pytest.mark.needs_services("bopis-no-such-program")
    def test_with_a_missing_program():
        pass

    @pytest.mark.needs_services("bash")
    def test_with_a_program():
        pass
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, request: pytest.FixtureRequest) -> pytest.Pytester:
    conftest = request.config.rootpath / "tests/conftest.py"
    pytester.makeconftest(conftest.read_text())
    pytester.makeini(SETTINGS)
    pytester.makepyfile(SUITE)
    return pytester


def test_what_is_missing_is_skipped(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BOPIS_REQUIRE_SERVICES", raising=False)
    monkeypatch.setenv("BOPIS_DATA", str(suite.path / "absent"))
    suite.runpytest().assert_outcomes(passed=1, skipped=2)


def test_missing_services_fail_where_they_are_required(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOPIS_REQUIRE_SERVICES", "1")
    monkeypatch.setenv("BOPIS_DATA", str(suite.path))
    suite.runpytest().assert_outcomes(passed=2, errors=1)
